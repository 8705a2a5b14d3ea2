"""Numbers over all tasks leave out tasks that have just begun, and solve rates those whose target nothing reaches."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from matplotlib.figure import Figure

from bench.analysis.pooled import left_out, pooled_tasks
from bench.analysis.results import Results
from bench.report.document import Gallery
from bench.report.figures.pairwise import improvement, profile
from bench.report.sections.leaderboard import across_tasks
from bench.report.sections.overall import overall
from bench.report.sections.pairwise import pairwise_section

Build = Callable[..., Results]


def begun(synthetic: ModuleType, copies: int, *, models: tuple[str, ...] = ("gru", "lstm")) -> list[dict[str, Any]]:
    """Seven replicates of two tasks, and a few of a third."""
    found: list[dict[str, Any]] = synthetic.experiment(("regression", "series"), seeds=7, trials=1)
    return found + [synthetic.training("copy", model, r) for model in models for r in range(1, copies + 1)]


def said_of(results: Results) -> list[Any]:
    """Every number over all tasks."""
    (table,) = across_tasks(results, "tuned")
    figures = [
        draw(Figure().subplots(), results, "tuned", *more) for draw, more in ((improvement, (None,)), (profile, ()))
    ]
    return [[[cell.text for cell in row.cells] for row in table.rows], *figures]  # type: ignore[union-attr]


def test_a_task_with_one_replicate_changes_no_number_over_all_tasks(synthetic: ModuleType, results_of: Build) -> None:
    results = results_of(begun(synthetic, 1), status="in progress")
    assert pooled_tasks(results, "tuned") == ["regression", "series"]
    assert said_of(results) == said_of(results_of(begun(synthetic, 0)))
    note = "copy is left out: 1 replicate so far."
    assert across_tasks(results, "tuned")[0].caption.endswith(note)  # type: ignore[union-attr]
    found = overall(results, "tuned")
    assert found is not None
    assert found.notes[0].startswith("Typical skill over 2 tasks (interquartile mean): ")
    assert found.notes[0].endswith(note)
    captions = [block.caption for block in pairwise_section(results).blocks if isinstance(block, Gallery)]
    assert [caption.endswith(note) for caption in captions] == [True, True]


def test_a_model_without_results_counts_as_no_replicate_while_others_may_come(
    synthetic: ModuleType, results_of: Build
) -> None:
    records = begun(synthetic, 7, models=("gru",))
    assert left_out(results_of(records, status="in progress"), "tuned") == " copy is left out: 0 replicates so far."
    assert left_out(results_of(records), "tuned") == ""


@pytest.mark.parametrize("copies", [5, 7])
def test_tasks_with_enough_replicates_stay(synthetic: ModuleType, results_of: Build, copies: int) -> None:
    results = results_of(begun(synthetic, copies), status="in progress")
    assert pooled_tasks(results, "tuned") == ["regression", "series", "copy"]
    assert left_out(results, "tuned") == ""


def test_where_no_task_has_enough_all_are_pooled(synthetic: ModuleType, results_of: Build) -> None:
    results = results_of(synthetic.experiment(("regression", "series"), seeds=2, trials=1))
    assert pooled_tasks(results, "tuned") == ["regression", "series"]


def test_solved_counts_only_targets_that_can_be_reached_and_has_no_interval(
    synthetic: ModuleType, results_of: Build
) -> None:
    records = synthetic.experiment(("regression", "series"), seeds=7, trials=1)
    (table,) = across_tasks(results_of(records), "tuned")
    cells = [row.cells[2] for row in table.rows]  # type: ignore[union-attr]
    assert all(cell.text.endswith(" of 14") and not cell.note for cell in cells)
    records += [synthetic.reference("series", "noise", "limit", r, 0.1) for r in range(1, 8)]  # its target is 0.02
    (table,) = across_tasks(results_of(records), "tuned")
    assert all(row.cells[2].text.endswith(" of 7") for row in table.rows)  # type: ignore[union-attr]
    assert "Solved leaves out series: its target (0.02) lies below the limit that noise sets (0.1)." in table.caption  # type: ignore[union-attr]
