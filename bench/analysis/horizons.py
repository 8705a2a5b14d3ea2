"""Errors of forecasts by how far they look ahead, where a task forecasts several horizons at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.analysis.recorded import Recorded
from bench.analysis.selected import selected_rows
from tasks.errors import UserError
from tasks.forecast_targets import parse_horizons

if TYPE_CHECKING:
    import pandas as pd

ERRORS = ("rmse", "mae")


def horizon_metrics(results: Recorded, task: str) -> dict[tuple[str, str], dict[int, str]]:
    """The names of a task's metrics of a single horizon: for each target and kind of error, by rows ahead.

    Empty for a task with one horizon.
    """
    parameters: Any = results.described_tasks.get(task, {}).get("parameters")
    try:
        horizons = parse_horizons(parameters["horizons"])
        targets = [str(name) for name in parameters["targets"]]
    except (KeyError, TypeError, UserError):  # none, or not written by bench
        return {}
    return {
        (target, error): {rows: f"{error}_{target}_h{rows}" for rows in horizons}
        for target in targets
        for error in ERRORS
    }


def horizon_errors(results: Recorded, match: str, task: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Errors on test data in the column's own units, means over replicates: for each target and kind of error a row a
    horizon, a column a model or reference. Empty for a task with one horizon, and where nothing has ended."""
    import pandas as pd

    trained = selected_rows(results, match, task)
    trained = trained[trained["status"] == "ok"]
    references = results.references[results.references["task"] == task]
    found = {}
    for place, names in horizon_metrics(results, task).items():
        means = {}
        for table in (trained, references):
            if set(names.values()) <= set(table.columns):
                for name, rows in table.groupby("model", sort=False):
                    means[str(name)] = [float(rows[metric].mean()) for metric in names.values()]
        if means:
            found[place] = pd.DataFrame(means, index=pd.Index(list(names), name="rows ahead"))
    return found
