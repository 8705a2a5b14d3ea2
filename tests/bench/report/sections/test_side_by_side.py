"""All comparisons of an experiment in one table."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.results import Results
from bench.report.sections.leaderboard import leaderboard_section
from bench.report.sections.side_by_side import side_by_side

Build = Callable[..., Results]
MATCHES = ("tuned", "hidden", "params")


def records(synthetic: ModuleType) -> list[dict[str, Any]]:
    """GRU leads where sizes are free; at equal parameters nobody does. Both beat the floor of 0.5."""

    def confirm(task: str, model: str, replicate: int, match: str) -> dict[str, Any]:
        record: dict[str, Any] = synthetic.training(task, model, replicate, match=match)
        factor = 1 + 0.1 * (replicate % 3)
        loss = 0.1 if model == "gru" else 0.3
        if match == "params":
            loss, factor = 0.1, factor if model == "gru" else 2.2 - factor
        record["test"]["loss"] = loss * factor
        return record

    found: list[dict[str, Any]] = synthetic.experiment(
        ("tracking",), seeds=6, trials=0, matches=MATCHES, timed=False, confirm=confirm
    )
    for record in found:  # a predictor without a net is the same in all comparisons
        record["match"] = None if record["stage"] == "reference" else record["match"]
    return found


def test_a_row_a_model_and_a_column_a_comparison(synthetic: ModuleType, results_of: Build) -> None:
    results = results_of(records(synthetic))
    table = side_by_side(results)
    assert table is not None
    assert table.columns == ("Task", "Model", "tuned", "equal hidden size", "equal parameters")
    assert [[cell.text for cell in row.cells[:2]] for row in table.rows] == [
        ["tracking", "verdict"],
        ["tracking", "gru"],
        ["tracking", "lstm"],
    ]
    assert [cell.text for cell in table.rows[0].cells[2:]] == ["gru", "gru", "a recurrent net, not clear which"]
    assert table.rows[0].cells[2].note.startswith("67 % lower than the nearest")
    summary = results.summary.set_index(["model", "match"])
    for row, model in zip(table.rows[1:], ("gru", "lstm"), strict=True):
        for cell, match in zip(row.cells[2:], MATCHES, strict=True):
            assert cell.value == pytest.approx(summary.loc[(model, match), "test_loss"])
            assert cell.note == f"32 × 1, {summary.loc[(model, match), 'parameter_count']:,} parameters"
    assert leaderboard_section(results).blocks[-1] == table


def test_where_no_net_is_needed_the_table_says_so(synthetic: ModuleType, results_of: Build) -> None:
    found = records(synthetic)
    for replicate in range(1, 7):
        found.append(synthetic.reference("tracking", "linear_ar", "baseline", replicate, 0.01) | {"match": None})
    results = results_of(found)
    table = side_by_side(results)
    assert table is not None
    assert [(cell.text, cell.note) for cell in table.rows[0].cells[2:]] == [("no recurrent net needed", "")] * 3
    assert table.caption.startswith("The same models under each rule of fairness: first the verdict, ")


@pytest.mark.parametrize("count", [1, 7])
def test_one_comparison_has_nothing_beside_it_and_seven_are_too_many(
    synthetic: ModuleType, results_of: Build, count: int
) -> None:
    matches = [f"hidden {i}×1" for i in range(1, count + 1)]
    found = synthetic.experiment(("sine",), seeds=2, trials=0, matches=matches, timed=False)
    assert side_by_side(results_of(found)) is None
