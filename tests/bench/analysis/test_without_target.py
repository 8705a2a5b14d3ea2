"""A target that an untrained net meets is none: nobody reaches it in 0 steps."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.results import Results
from bench.analysis.selected import target_of
from bench.cli.display.result import summary_tables

Build = Callable[..., Results]


@pytest.fixture
def records(synthetic: ModuleType) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = synthetic.experiment(("sine", "copy"), seeds=5, trials=1, protocol=2)
    for record in made:
        if record["stage"] == "trial" and record["task"]["name"] == "sine" and record["replicate"] == 2:
            record["steps_to_target"] = 0.0
    return made


def test_there_is_no_target_and_no_step_to_it(records: list[dict[str, Any]], results_of: Build) -> None:
    results = results_of(records)
    assert results.without_target == {"sine"}
    assert (target_of(results, "sine"), bool(target_of(results, "copy"))) == ({}, True)
    steps = results.trainings.groupby("task")["steps_to_target"].count()
    assert steps["sine"] == 0 < steps["copy"]
    summary = results.summary[results.summary["kind"] == "model"].set_index("task")
    assert summary.loc["sine", ["solve_rate", "steps_to_target_median"]].isna().all(axis=None)
    assert summary.loc["copy", "solve_rate"].notna().all()
    (sine,) = [table for table in summary_tables(results) if table.title == "sine"]
    assert {row[5:7] for row in sine.rows[:2]} == {("–", "–")}


def test_the_verdict_says_so_and_counts_nothing(records: list[dict[str, Any]], results_of: Build) -> None:
    said = {verdict.task: verdict for verdict in results_of(records).verdicts}
    assert "There is no target to reach: an untrained net already meets it." in said["sine"].notes
    assert not any("reached the target" in note or "steps to the target" in note for note in said["sine"].notes)
    assert any("reached the target" in note for note in said["copy"].notes)


def test_a_trial_that_was_not_selected_takes_no_target_away(synthetic: ModuleType, results_of: Build) -> None:
    made = synthetic.experiment(("sine",), seeds=5, trials=3, protocol=2)
    kept = results_of(made).selected_records
    lost = next(r for r in made if r["stage"] == "trial" and not any(r is other for other in kept))
    lost["steps_to_target"] = 0.0
    assert results_of(made).without_target == frozenset()
