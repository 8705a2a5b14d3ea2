"""Steps to target in a verdict: a seed that never got there is neither left out nor counted as if it had."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from bench.analysis.results import Results

Build = Callable[..., Results]


def sentence(synthetic: ModuleType, results_of: Build, steps: dict[str, list[float | None]]) -> str:
    records = []
    for model, values in steps.items():
        for replicate, value in enumerate(values, start=1):
            record = synthetic.training("sine", model, replicate)
            record["steps_to_target"] = value
            record["test"]["loss"] = (0.1 if model == "gru" else 0.3) * (1 + 0.01 * replicate)
            records.append(record)
    (verdict,) = results_of(records).verdicts
    return verdict.sentence


def test_an_unsolved_seed_counts_as_its_budget(synthetic: ModuleType, results_of: Build) -> None:
    # of 1,000 steps: the pair ratios are 0.5, 0.5, 0.5, 0.5 and 0.1; left out, the last would not show
    steps = {"gru": [100, 200, 150, 120, 100], "lstm": [200, 400, 300, 240, None]}
    found = sentence(synthetic, results_of, steps)
    assert "(gru needs 64 % fewer than lstm; 95 % interval" in found  # (0.5^4 · 0.1)^(1/5) = 0.362
    assert "5 replicates, runs that did not reach it counted with the whole budget" in found


def test_where_all_are_solved_nothing_is_said_of_unsolved_ones(synthetic: ModuleType, results_of: Build) -> None:
    found = sentence(synthetic, results_of, {"gru": [100, 200, 150, 120, 100], "lstm": [200, 400, 310, 240, 200]})
    assert "in steps to the target" in found.lower()
    assert "did not reach" not in found


def test_where_neither_gets_there_steps_are_not_compared(synthetic: ModuleType, results_of: Build) -> None:
    assert "steps to the target" not in sentence(synthetic, results_of, {"gru": [None] * 5, "lstm": [None] * 5})
