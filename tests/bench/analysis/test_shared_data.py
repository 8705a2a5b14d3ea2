"""Replicates that share data: which they are, and what it does to intervals and tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis.results import Results, load
from bench.analysis.sequential import states
from bench.analysis.shared_data import SharedRows, mean_over, series_in, shared_rows
from bench.config.resolve import resolve
from bench.experiment.run import run
from tasks.registry import TASKS

Make = Callable[..., Results]


def with_origins(records: list[dict[str, Any]], blocks: int) -> list[dict[str, Any]]:
    for record in records:
        if record["stage"] in ("trial", "reference"):
            block = (blocks - record["replicate"]) % blocks
            record["origin"] = {"block": block, "blocks": blocks, "train_rows": 400, "test_rows": 20}
    return records


def dealt_anew(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for record in records:
        if record["stage"] == "reference":
            record |= {"resampled": True, "splits": {"train": 100, "valid": 50, "test": 20}}
    return records


def test_a_mean_without_shared_data_is_the_plain_one() -> None:
    found = mean_over({1: 1.0, 2: 3.0, 3: math.nan}, {})
    assert (found.value, found.n) == (2.0, 2)
    assert mean_over({}, {1: SharedRows(0, 1, 1)}).n == 0


def test_a_mean_over_shared_data_is_one_of_blocks_with_a_wider_interval() -> None:
    values = {replicate: float(value) for replicate, value in enumerate([1.0, 2.0, 4.0, 1.5, 2.5, 4.5], start=1)}
    rows = {replicate: SharedRows((replicate - 1) % 3, 100, 25) for replicate in values}
    found = mean_over(values, rows)
    plain = mean_over({block: float(np.mean([values[block], values[block + 3]])) for block in (1, 2, 3)}, {})
    assert found.value == pytest.approx(plain.value)
    assert found.high - found.low == pytest.approx(math.sqrt(1 + 3 * 0.25) * (plain.high - plain.low))


def test_digits_deal_one_set_of_images_and_their_records_say_so(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    assert TASKS.get("digits").resampled
    folders = {"results": str(tmp_path / "r"), "reports": str(tmp_path / "p"), "name": "d", "executor": "inline"}
    asked = {"tasks": "digits,sine", "models": "numpy_gru", "budget": "smoke", "steps": 2, "trials": 1}
    run(resolve({**asked, **folders}))
    found = shared_rows(load("d", tmp_path / "r").records)
    assert found == {"digits": {1: SharedRows(1, 1200, 297), 2: SharedRows(2, 1200, 297)}}


def test_shared_images_widen_intervals_of_losses_and_skills_and_raise_p(
    synthetic: ModuleType, results_of: Make
) -> None:
    def made() -> Any:
        return synthetic.experiment(("digits",), ("gru", "lstm"), seeds=5, trials=1, protocol=2)

    plain, shared = results_of(made()), results_of(dealt_anew(made()))
    ratio = math.sqrt(1 + 5 * 0.2)  # Nadeau and Bengio 2003
    (one,), (other,) = plain.conclusions.pairs, shared.conclusions.pairs
    assert other.overlap == pytest.approx(0.2)
    assert math.log(other.high / other.low) == pytest.approx(ratio * math.log(one.high / one.low))
    assert other.p > one.p
    for before, after in zip(plain.summary.to_dict("records"), shared.summary.to_dict("records"), strict=True):
        assert after["skill"] == before["skill"]
        width = before["skill_high"] - before["skill_low"]
        assert after["skill_high"] - after["skill_low"] == pytest.approx(ratio * width)
    assert not shared.series  # they are no forecast origins


def test_of_a_series_that_is_looked_at_again_the_first_replicate_of_a_block_counts(
    synthetic: ModuleType, results_of: Make
) -> None:
    """Replicate 1 has the newest block; more replicates than blocks change nothing that was tested before."""

    def p_after(replicates: int) -> float:
        records = synthetic.experiment(("series",), ("gru", "lstm"), seeds=16, trials=1, protocol=2)
        kept = [record for record in with_origins(records, 8) if (record.get("replicate") or 1) <= replicates]
        (pair,) = results_of(kept, extended=True).conclusions.pairs
        return pair.p

    assert series_in(with_origins(synthetic.experiment(("series",), ("gru",), seeds=2, protocol=2), 8)) == {"series": 8}
    found = [p_after(replicates) for replicates in range(7, 17)]
    assert found[1:] == [found[1]] * 9
    assert found[1] <= found[0]


def test_a_series_of_which_all_blocks_are_used_is_settled_or_futile(synthetic: ModuleType, results_of: Make) -> None:
    records = synthetic.experiment(("series",), ("gru", "lstm"), seeds=8, trials=1, protocol=2)
    more = [0.3, 0.1, 0.4, 0.05, 0.2, 0.3, -0.1, 0.25]
    for record in records:
        if record["stage"] == "trial":
            record["test"]["loss"] = 10 ** (more[record["replicate"] - 1] * (record["model"]["name"] == "gru"))
    found = {blocks: states(results_of(with_origins(records, blocks), extended=True), 56) for blocks in (8, 30)}
    assert {blocks: state["tuned", "series"] for blocks, state in found.items()} == {8: "futile", 30: "open"}


def test_a_short_series_ends_with_its_last_block(synthetic: ModuleType, results_of: Make) -> None:
    """Of fewer blocks than a first look takes, no number of replicates settles anything."""
    records = with_origins(synthetic.experiment(("series",), ("gru", "lstm"), seeds=7, trials=1, protocol=2), 4)
    assert states(results_of(records, extended=True), 56)["tuned", "series"] == "futile"
