"""The columns of every table, in order and with their types. Their names are a promise to notebooks and scripts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.analysis.result_rows import BUDGET_STEPS
from bench.analysis.summary import SEARCHED
from bench.analysis.timing_conditions import CONDITIONS

if TYPE_CHECKING:
    import pandas as pd

TRAININGS = (
    *("match", "stage", "task", "model", "hidden_size", "num_layers", "init", "learning_rate", "batch_size", "steps"),
    *("trial", "replicate", "selected", "block", "status", "steps_to_target", "valid_loss", "test_loss", "skill"),
    *("parameter_count", "wall_seconds", "peak_bytes", "device", "precision", "sequences_per_second", "energy_joules"),
    *("kernel", "search_kernel", "checkpoint"),
)
CURVES = (
    *("match", "stage", "task", "model", "hidden_size", "num_layers", "learning_rate", "trial", "replicate"),
    *("selected", "step", "train_loss", "valid_loss", "valid_metric"),
)
TIMINGS = (
    *("match", "task", "model", "hidden_size", "num_layers", "batch_size", "kernel", "threads", "forward_seconds"),
    *("step_seconds", "step_seconds_iqr", "sequences_per_second", "latency_seconds", "flops_per_step", "has_warnings"),
    "state_size",
)
REFERENCES = ("match", "task", "model", "kind", "how", "replicate", "valid_loss", "test_loss", "skill")
SUMMARY = (
    *("match", "task", "model", "kind", "hidden_size", "num_layers", "init", "learning_rate", "n", "n_failed"),
    *("skill", "skill_low", "skill_high", "test_loss", "solve_rate", "steps_to_target_median", "parameter_count"),
    *("step_seconds", "has_warnings", "kernel", "sequences_per_second", "peak_bytes"),
)
PROMISED = {*TRAININGS, *REFERENCES, *SUMMARY}  # what no metric may be called
RARE = (SEARCHED, BUDGET_STEPS, *CONDITIONS)  # columns that are there only where some row has a value
INTEGERS = {
    *("hidden_size", "num_layers", "batch_size", "steps", "trial", "replicate", "parameter_count", "peak_bytes"),
    *("step", "threads", "n", "n_failed", "block", "state_size", "clock_mhz", BUDGET_STEPS),
}
BOOLEANS = {"has_warnings", "host_bound", "selected"}
TEXTS = {
    SEARCHED,
    *("match", "stage", "task", "model", "kind", "how", "init", "status", "kernel", "search_kernel", "device"),
    *("precision", "checkpoint"),
}


def metric_columns(table: pd.DataFrame) -> list[str]:
    """The columns of a table that are a task's own metrics."""
    return [column for column in table.columns if column not in PROMISED and column not in RARE]


def rare_columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those of `RARE` that some row has a value of."""
    return [name for name in RARE if any(row.get(name) is not None for row in rows)]


def extra_columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names that are not promised, in order of first appearance: the metrics of all tasks."""
    return list(dict.fromkeys(name for row in rows for name in row if name not in PROMISED))


def frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], extra: Sequence[str] = ()) -> pd.DataFrame:
    """The rows as a table of these columns, each of its type; what a row lacks is missing."""
    import pandas as pd

    def typed(column: str) -> pd.Series[Any]:
        values = [row.get(column) for row in rows]
        if column in INTEGERS:
            return pd.Series(values, dtype="Int64")
        if column in TEXTS:
            return pd.Series(values, dtype="object")
        if column in BOOLEANS:
            return pd.Series(values, dtype="boolean")
        return pd.Series([math.nan if value is None else float(value) for value in values], dtype="float64")

    return pd.DataFrame({column: typed(column) for column in (*columns, *extra)})
