"""The table of errors by horizon, against means computed by hand from the records."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis.results import Results
from bench.report.sections.horizons import horizons_section


def records_with(synthetic: ModuleType, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = synthetic.experiment(("series",), seeds=3, trials=1)
    for i, record in enumerate(records):
        record["task"] = {**record["task"], "parameters": {**record["task"]["parameters"], **parameters}}
        if record.get("test"):
            record["test"] = {**record["test"], "rmse_load_h1": 1.0 + i, "rmse_load_h4": 2.0 + i}
    return records


def test_each_horizon_has_a_row_and_each_model_and_reference_a_column(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    results = results_of(records_with(synthetic, {"targets": ["load"], "horizons": "1,4"}))
    (table,) = horizons_section(results).blocks
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
