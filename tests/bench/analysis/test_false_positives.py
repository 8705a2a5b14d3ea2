"""A/A: models that are one, under several names. How often does the whole pipeline, from records to verdicts, name a
winner? At most in 5 % of experiments, over all tasks together. `tests/calibration/protocol.py` has the larger runs."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType

import pytest

from ...by_path import load_script

EXPERIMENTS = 50
SCRIPT = Path(__file__).parents[2] / "calibration" / "protocol.py"


@pytest.fixture(scope="module")
def protocol() -> ModuleType:
    return load_script(SCRIPT)


def at_most(experiments: int) -> float:
    """5 % and two standard errors."""
    return 0.05 + 2 * math.sqrt(0.05 * 0.95 / experiments)


@pytest.mark.parametrize("kind", ["skewed", "outliers", "ties", "failures on hard replicates"])
def test_equal_models_have_a_winner_in_at_most_one_experiment_in_twenty(protocol: ModuleType, kind: str) -> None:
    assert kind in protocol.KINDS
    assert protocol.false_winners(kind, EXPERIMENTS) <= at_most(EXPERIMENTS)


def test_adding_replicates_until_settled_finds_no_more(protocol: ModuleType) -> None:
    experiments = 10
    assert protocol.false_winners_until_settled("skewed", experiments, cap=14) <= at_most(experiments)


def test_a_real_winner_is_found(protocol: ModuleType) -> None:
    """The same experiments with one model made better: else a pipeline that settles nothing would pass."""
    rng, found, experiments = protocol.np.random.default_rng(1), 0, 30
    for _ in range(experiments):
        records = protocol.equal_models(rng, "normal", 7)
        for record in records:
            if record["model"]["name"].endswith("gru") and record["test"]:
                record["test"]["loss"] /= 6
        found += protocol.won_something(records)
    assert found > 0.8 * experiments


@pytest.mark.parametrize("n", [5, 7, 10, 20])
def test_intervals_cover_with_the_search_inside(protocol: ModuleType, n: int) -> None:
    """93 to 97 %, and the noise of so many experiments."""
    experiments = 1500
    noise = 2 * math.sqrt(0.05 * 0.95 / experiments)
    assert 0.93 - noise <= protocol.coverage(n, experiments) <= 0.97 + noise


def test_one_search_for_all_covers_too_little(protocol: ModuleType) -> None:
    assert protocol.coverage(20, 400, once=True) < 0.75
