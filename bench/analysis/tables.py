"""Records as tables: one row a training, an evaluation, a timing, a reference, and a summary of each model on a task.

Every number is the record's own; a missing one stays missing (an empty field in CSV). Column names are a promise to
notebooks and scripts. pandas is imported where a table is made.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.analysis import stats
from bench.analysis.formatting import is_missing
from bench.records.atomic import write_atomically
from bench.records.curves import lowest_valid_loss, training_throughput
from bench.records.plain import guarded
from bench.records.schema import Record, label, trainings, unique

if TYPE_CHECKING:
    import pandas as pd

TRAININGS = (
    *("match", "stage", "task", "model", "hidden_size", "num_layers", "init", "learning_rate", "batch_size", "steps"),
    *("trial", "replicate", "status", "steps_to_target", "valid_loss", "test_loss", "skill", "parameter_count"),
    *("wall_seconds", "peak_bytes", "device", "precision", "sequences_per_second", "energy_joules", "kernel"),
)
CURVES = (
    *("match", "stage", "task", "model", "hidden_size", "num_layers", "learning_rate", "trial", "replicate"),
    *("step", "train_loss", "valid_loss", "valid_metric"),
)
TIMINGS = (
    *("match", "task", "model", "hidden_size", "num_layers", "batch_size", "kernel", "threads", "forward_seconds"),
    *("step_seconds", "step_seconds_iqr", "sequences_per_second", "latency_seconds", "flops_per_step", "has_warnings"),
)
REFERENCES = ("match", "task", "model", "kind", "how", "replicate", "test_loss", "skill")
SUMMARY = (
    *("match", "task", "model", "kind", "hidden_size", "num_layers", "init", "learning_rate", "n", "n_failed"),
    *("skill", "skill_low", "skill_high", "test_loss", "solve_rate", "steps_to_target_median", "parameter_count"),
    *("step_seconds", "kernel", "sequences_per_second", "peak_bytes"),
)
INTEGERS = {
    *("hidden_size", "num_layers", "batch_size", "steps", "trial", "replicate", "parameter_count", "peak_bytes"),
    *("step", "threads", "n", "n_failed"),
}
TEXTS = {"match", "stage", "task", "model", "kind", "how", "init", "status", "kernel", "device", "precision"}
CONFIGURATION = ["hidden_size", "num_layers", "init", "learning_rate", "batch_size", "steps"]


def _identity(record: Record) -> dict[str, Any]:
    model, training = record.get("model") or {}, record.get("training") or {}
    return {
        "match": record.get("match"),
        "stage": record.get("stage"),
        "task": label(record.get("task")),
        "model": label(model),
        **{key: model.get(key) for key in ("hidden_size", "num_layers", "init", "kind", "how")},
        **{key: training.get(key) for key in ("learning_rate", "batch_size", "steps")},
        **{key: record.get(key) for key in ("trial", "replicate", "status", "kernel")},
    }


def _scores(record: Record) -> dict[str, Any]:
    """`test_loss`, `skill` and the task's metrics; a metric called like another column gets the prefix `test_`."""
    test = record.get("test") or {}
    taken = {*TRAININGS, *REFERENCES, *SUMMARY}
    metrics = {
        (f"test_{name}" if name in taken else name): test[name] for name in test if name not in ("loss", "skill")
    }
    return {"test_loss": test.get("loss"), "skill": test.get("skill"), **metrics}


def metric_columns(table: pd.DataFrame) -> list[str]:
    """The columns of a table that are a task's own metrics."""
    return [column for column in table.columns if column not in {*TRAININGS, *REFERENCES, *SUMMARY}]


def _frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], extra: Sequence[str] = ()) -> pd.DataFrame:
    import pandas as pd

    def typed(column: str) -> pd.Series[Any]:
        values = [row.get(column) for row in rows]
        if column in INTEGERS:
            return pd.Series(values, dtype="Int64")
        if column in TEXTS:
            return pd.Series(values, dtype="object")
        if column == "has_warnings":
            return pd.Series(values, dtype="boolean")
        return pd.Series([math.nan if value is None else float(value) for value in values], dtype="float64")

    return pd.DataFrame({column: typed(column) for column in (*columns, *extra)})


def _metrics(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """The names beyond `columns` in order of first appearance: the metrics of all tasks."""
    known = {*TRAININGS, *REFERENCES, *SUMMARY, *columns}
    return list(dict.fromkeys(name for row in rows for name in row if name not in known))


def trainings_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a training of the search or the confirm stage; `valid_loss` is the lowest of its curve."""
    rows = [
        {
            **_identity(record),
            **_scores(record),
            "steps_to_target": record.get("steps_to_target"),
            "valid_loss": lowest_valid_loss(record),
            "parameter_count": (record.get("parameters") or {}).get("total"),
            **{key: record.get(key) for key in ("wall_seconds", "peak_bytes", "energy_joules")},
            **{key: (record.get("training") or {}).get(key) for key in ("device", "precision")},
            "sequences_per_second": training_throughput(record),
        }
        for record in trainings(unique(records))
    ]
    return _frame(rows, TRAININGS, _metrics(rows, TRAININGS))


def curves_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row an evaluation of a training."""
    import pandas as pd

    measured = ("step", "train_loss", "valid_loss", "valid_metric")
    kept = list(trainings(unique(records)))
    lengths = [len((record.get("curve") or {}).get("step") or []) for record in kept]
    # identities once a training and then repeated: half a million rows as dictionaries would take minutes
    table = _frame([_identity(record) for record in kept], [name for name in CURVES if name not in measured])
    table = table.loc[table.index.repeat(lengths)].reset_index(drop=True)
    for name in measured:
        values = itertools.chain.from_iterable(
            (record.get("curve") or {}).get(name) or [None] * length
            for record, length in zip(kept, lengths, strict=True)
        )
        column = [math.nan if value is None else value for value in values]
        table[name] = pd.array(column, dtype="Int64") if name in INTEGERS else pd.array(column, dtype="float64")
    return table[list(CURVES)]


def timings_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a timing: a confirmed configuration alone on a quiet machine."""
    rows = [
        {**_identity(record), **(record.get("timing") or {})}
        for record in unique(records)
        if record.get("stage") == "time" and record.get("status", "ok") == "ok"
    ]
    return _frame(rows, TIMINGS)


def references_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a reference predictor on the data of one replicate."""
    rows = [{**_identity(record), **_scores(record)} for record in unique(records) if record["stage"] == "reference"]
    return _frame(rows, REFERENCES, _metrics(rows, REFERENCES))


def summary_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a model on a task: its confirmed configuration and what its replicates gave; references follow.

    `skill`, `test_loss` and metrics are means over replicates that ended well, with a 95 % t-interval for the skill.
    `solve_rate` is over all replicates: one that failed is not solved. `steps_to_target_median` is the Kaplan–Meier
    median, missing where fewer than half of the replicates got there.
    """
    records = unique(records)
    table, timings, references = trainings_table(records), timings_table(records), references_table(records)
    confirm = table[table["stage"] == "confirm"]
    metrics = list(dict.fromkeys([*metric_columns(confirm), *metric_columns(references)]))
    rows = [
        _summarise_model(group, timings, metrics)
        for _, group in confirm.groupby(["match", "task", "model"], sort=False)
    ]
    rows += [
        _summarise_reference(group, metrics)
        for _, group in references.groupby(["match", "task", "model"], sort=False, dropna=False)
    ]
    return _frame(rows, SUMMARY, metrics)


def chosen(group: pd.DataFrame) -> pd.DataFrame:
    """The replicates of the configuration that was confirmed last, should a group hold more than one."""
    last = group.iloc[-1][CONFIGURATION]
    same = [
        group[key].isna() if is_missing(last[key]) else (group[key] == last[key]).fillna(False) for key in last.index
    ]
    return group[np.logical_and.reduce([column.to_numpy(bool) for column in same])]


def _summarise_model(group: pd.DataFrame, timings: pd.DataFrame, metrics: list[str]) -> dict[str, Any]:
    group = chosen(group)
    last, ok = group.iloc[-1], group[group["status"] == "ok"]
    skill = stats.mean_interval(ok["skill"].to_numpy(float))
    times = group["steps_to_target"].where(group["status"] == "ok").to_numpy(float)
    survival = stats.time_to_target(times, float(group["steps"].fillna(0).max()))
    same = timings[(timings[["match", "task", "model"]] == last[["match", "task", "model"]]).all(axis=1)]
    kernel = next((k for k in group["kernel"] if isinstance(k, str)), None)
    timed = same[same["kernel"] == kernel] if (same["kernel"] == kernel).any() else same
    return {
        **{key: last[key] for key in ("match", "task", "model", "hidden_size", "num_layers", "init", "learning_rate")},
        "kind": "model",
        "n": len(ok),
        "n_failed": len(group) - len(ok),
        "skill": skill.value,
        "skill_low": skill.low,
        "skill_high": skill.high,
        "test_loss": ok["test_loss"].mean(),
        "solve_rate": survival.solved / survival.n,
        "steps_to_target_median": survival.median,
        "parameter_count": group["parameter_count"].dropna().iloc[-1] if group["parameter_count"].count() else None,
        "step_seconds": timed["step_seconds"].iloc[0] if len(timed) else None,
        "kernel": timed["kernel"].iloc[0] if len(timed) else kernel,
        "sequences_per_second": timed["sequences_per_second"].iloc[0] if len(timed) else None,
        "peak_bytes": group["peak_bytes"].max() if group["peak_bytes"].count() else None,
        **{name: ok[name].mean() for name in metrics if name in ok},
    }


def _summarise_reference(group: pd.DataFrame, metrics: list[str]) -> dict[str, Any]:
    skill, last = stats.mean_interval(group["skill"].to_numpy(float)), group.iloc[-1]
    return {
        **{key: last[key] for key in ("match", "task", "model", "kind")},
        "n": len(group),
        "n_failed": 0,
        "skill": skill.value,
        "skill_low": skill.low,
        "skill_high": skill.high,
        "test_loss": group["test_loss"].mean(),
        **{name: group[name].mean() for name in metrics if name in group},
    }


def write_tables(records: Iterable[Record], folder: Path) -> list[Path]:
    """Write the four CSV files beside the records; each appears whole or not at all. Returns their paths."""
    records = unique(records)
    tables = {
        "trainings": trainings_table(records),
        "curves": curves_table(records),
        "timings": timings_table(records),
        "summary": summary_table(records),
    }
    paths = []
    for name, table in tables.items():
        path = folder / f"{name}.csv"
        write_atomically(path, csv_text(table))
        paths.append(path)
    return paths


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV, exact, in which no text cell and no header is a formula for a spreadsheet (`plain.guarded`)."""
    texts = [name for name in table.columns if not _is_number_column(table[name])]
    guard = {name: table[name].map(lambda cell: guarded(cell) if isinstance(cell, str) else cell) for name in texts}
    written: str = table.assign(**guard).rename(columns=guarded).to_csv(index=False, lineterminator="\n")
    return written


def _is_number_column(column: pd.Series[Any]) -> bool:
    return column.dtype.kind in "biuf"
