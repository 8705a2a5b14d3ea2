"""The table of errors by horizon, against means computed by hand from the records."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis.results import Results
from bench.report.content import document
from bench.report.latex import latex
from bench.report.markdown import markdown
from bench.report.sections.horizons import horizons_section
from bench.report.sections.leaderboard import all_metrics, rows_of


def records_with(synthetic: ModuleType, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = synthetic.experiment(("series",), seeds=3, trials=1)
    for i, record in enumerate(records):
        record["task"] = {**record["task"], "parameters": {**record["task"]["parameters"], **parameters}}
        if record.get("test"):
            errors = {f"{kind}_load_h{rows}": float(rows + i) for kind in ("rmse", "mae") for rows in (1, 4)}
            record["test"] = {**record["test"], **errors}
    return records


def test_each_horizon_has_a_row_and_each_model_and_reference_a_column(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    results = results_of(records_with(synthetic, {"targets": ["load"], "horizons": "1,4"}))
    table, folded = horizons_section(results).blocks
    assert (table.folded, folded.folded) == (False, True)
    assert "mean absolute error of load" in folded.title
    assert [row.cells[0].text for row in table.rows] == ["1", "4"]
    selected = results.selected[results.selected["status"] == "ok"]
    for column, model in enumerate(table.columns[1:], start=1):
        here = selected if model in set(selected["model"]) else results.references
        for row, metric in zip(table.rows, ("rmse_load_h1", "rmse_load_h4"), strict=True):
            expected = np.mean(
                [value for name, value in zip(here["model"], here[metric], strict=True) if name == model]
            )
            assert row.cells[column].value == pytest.approx(expected)
    assert set(results.references["model"]) <= set(table.columns)
    assert set(selected["model"]) <= set(table.columns)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"targets": ["load"], "horizons": "soon"}, {"targets": 3, "horizons": "1-2"}, {"horizons": "1,4"}],
)
def test_other_tasks_have_no_such_section(
    synthetic: ModuleType, results_of: Callable[..., Results], parameters: dict[str, Any]
) -> None:
    assert horizons_section(results_of(records_with(synthetic, parameters))).blocks == []


def test_the_table_of_metrics_has_no_column_for_each_horizon(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    """24 horizons with two kinds of error made it 50 columns wide, on the page, in Markdown and in LaTeX."""
    records = synthetic.experiment(("series",), seeds=3, trials=1)
    for record in records:
        parameters = {"targets": ["load"], "horizons": "1-24"}
        record["task"] = {**record["task"], "parameters": {**record["task"]["parameters"], **parameters}}
        if record.get("test"):
            errors = {f"{kind}_load_h{rows}": rows / 7 for kind in ("rmse", "mae") for rows in range(1, 25)}
            record["test"] = {**record["test"], "rmse_load": 1.5, **errors}
    results = results_of(records)
    report = document(results)
    text = markdown(report)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert max(line.count("|") for line in rows) < 20
    assert len([line for line in rows if line.startswith("| 24 |")]) == 2
    assert "rmse_load_h24" not in text.replace("\\_", "_")
    assert "| rmse" in text
    assert max(line.count(" & ") for line in latex(report).splitlines()) < 20
    table = all_metrics(results, results.matches[0], "series")
    assert table is not None
    assert "rmse_load" in table.columns


def test_many_metrics_are_rows(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    records = synthetic.experiment(("sine",), seeds=3, trials=1)
    for record in records:
        if record.get("test"):
            record["test"] = {**record["test"], **{f"mae_{name}": float(name) for name in range(20)}}
    results = results_of(records)
    table = all_metrics(results, results.matches[0], "sine")
    assert table is not None
    models = list(rows_of(results, results.matches[0], "sine")["model"])
    assert list(table.columns) == ["Metric", *models]
    row = next(row for row in table.rows if row.cells[0].text == "mae_7")
    assert [cell.value for cell in row.cells[1:]] == pytest.approx([7.0] * len(models))
