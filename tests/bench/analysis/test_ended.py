"""How many trainings and measurements did not end well: each counted among its own kind, references among neither."""

from __future__ import annotations

from types import ModuleType

from bench.analysis.ended import did_not_end_well


def test_trainings_and_measurements_are_counted_apart(synthetic: ModuleType) -> None:
    trainings = [synthetic.training("sine", "gru", i, status="diverged" if i == 2 else "ok") for i in range(1, 5)]
    reference = synthetic.reference("sine", "mean", "floor", 1, 0.5)
    assert did_not_end_well([*trainings, reference]) == "1 of 4 trainings did not end well"
    timings = [synthetic.timing("sine", model) for model in ("gru", "lstm")]
    timings[1]["status"] = "failed"
    said = "1 of 4 trainings and 1 of 2 measurements did not end well"
    assert did_not_end_well([*trainings, reference, *timings]) == said
    assert did_not_end_well([*trainings[2:], reference, timings[0]]) == ""
