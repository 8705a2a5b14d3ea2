"""Records as tables: one row a training, an evaluation, a timing, a reference, and a summary of each model on a task.

Every number is the record's own; a missing one stays missing (an empty field in CSV). Column names are a promise to
notebooks and scripts (`table_columns`). pandas is imported where a table is made.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.analysis.result_rows import BUDGET_STEPS, selected_mask
from bench.analysis.shared_data import shared_rows
from bench.analysis.summary import SEARCHED, summarise_model, summarise_reference
from bench.analysis.table_columns import (
    CURVES,
    INTEGERS,
    PROMISED,
    REFERENCES,
    SUMMARY,
    TIMINGS,
    TRAININGS,
    extra_columns,
    frame,
    metric_columns,
    rare_columns,
)
from bench.records.curves import lowest_valid_loss, training_throughput
from bench.records.kept_models import kept_models
from bench.records.schema import Record, label, trainings, unique

if TYPE_CHECKING:
    import pandas as pd


def _identity(record: Record) -> dict[str, Any]:
    model, training = record.get("model") or {}, record.get("training") or {}
    return {
        "match": record.get("match"),
        "stage": record.get("stage"),
        "task": label(record.get("task")),
        "model": label(model),
        **{key: model.get(key) for key in ("hidden_size", "num_layers", "init", "kind", "how")},
        **{key: training.get(key) for key in ("learning_rate", "batch_size", "steps")},
        **{key: record.get(key) for key in ("trial", "replicate", "status", "kernel", "search_kernel")},
    }


def _scores(record: Record) -> dict[str, Any]:
    """`test_loss`, `skill` and the task's metrics; a metric called like another column gets the prefix `test_`."""
    test = record.get("test") or {}
    metrics = {
        (f"test_{name}" if name in PROMISED else name): test[name] for name in test if name not in ("loss", "skill")
    }
    return {"test_loss": test.get("loss"), "skill": test.get("skill"), **metrics}


def trainings_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a training; `valid_loss` is the lowest of its curve.

    selected: whether results are made of it (`selected_mask`). block: of a series' forecast origin, else missing.
    steps_to_target: missing too where the task has no target (`without_target`).
    checkpoint: the file of its model within the results folder, where it was kept. budget_steps: only where `--prune`
    stopped a training early: the steps of a whole one.
    """
    records = unique(records)
    kept, models = list(trainings(records)), kept_models(records)
    rows = [
        {
            **_identity(record),
            **_scores(record),
            "steps_to_target": record.get("steps_to_target"),
            "valid_loss": lowest_valid_loss(record),
            "block": (record.get("origin") or {}).get("block"),
            "parameter_count": (record.get("parameters") or {}).get("total"),
            **{key: record.get(key) for key in ("wall_seconds", "peak_bytes", "energy_joules")},
            **{key: (record.get("training") or {}).get(key) for key in ("device", "precision")},
            "sequences_per_second": training_throughput(record),
            "checkpoint": models.get(str(record.get("key"))),
            **_searched(record),
            **_budget(record),
        }
        for record in kept
    ]
    table = frame(rows, TRAININGS, extra_columns(rows))
    table = table.assign(selected=selected_mask(table))
    return table.assign(steps_to_target=table["steps_to_target"].mask(table["task"].isin(without_target(kept, table))))


def _searched(record: Record) -> dict[str, str]:
    """What else was searched, in one text: "kernel_size=5, weight_decay=0.0001"; nothing where nothing else was."""
    values = (record.get("searched") or {}).items()
    text = ", ".join(
        f"{name.removeprefix('model.')}={value:g}"
        if isinstance(value, float)
        else f"{name.removeprefix('model.')}={value}"
        for name, value in values
    )
    return {SEARCHED: text} if text else {}


def _budget(record: Record) -> dict[str, Any]:
    """The steps of a whole training, of one that was stopped before them; nothing of others."""
    steps = (record.get("training") or {}).get("budget_steps")
    return {} if steps is None else {BUDGET_STEPS: steps}


def without_target(records: Iterable[Record], table: pd.DataFrame) -> frozenset[str]:
    """Tasks on which an untrained net meets the target in some result: nothing is left to reach, so they have none.

    table: that of `trainings_table`, which has no steps to such a target.
    """
    at_once = [record.get("steps_to_target") == 0 for record in trainings(unique(records))]
    return frozenset(table["task"][np.array(at_once, dtype=np.bool_) & table["selected"].to_numpy(bool)])


def curves_table(records: Iterable[Record], table: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row an evaluation of a training. table: that of `trainings_table`, where it is known."""
    import pandas as pd

    measured = ("step", "train_loss", "valid_loss", "valid_metric")
    kept = list(trainings(unique(records)))
    chosen_rows = (trainings_table(kept) if table is None else table)["selected"].tolist()
    lengths = [len((record.get("curve") or {}).get("step") or []) for record in kept]
    # identities once a training and then repeated: half a million rows as dictionaries would take minutes
    table = frame(
        [{**_identity(record), "selected": chosen} for record, chosen in zip(kept, chosen_rows, strict=True)],
        [name for name in CURVES if name not in measured],
    )
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
    """One row a configuration and kernel, timed alone on a quiet machine: the medians over the rounds.

    `clock_mhz` and `host_bound` are there where something was timed on a GPU.
    """
    rows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in unique(records):
        if record.get("stage") == "time" and record.get("status", "ok") == "ok":
            row = {**_identity(record), **(record.get("timing") or {})}
            same = (*(row[key] for key in _identity(record)), row.get("threads"), record.get("environment"))
            rows.setdefault(same, []).append(row)
    found = [_median_of_rounds(rounds) for rounds in rows.values()]
    return frame(found, TIMINGS, rare_columns(found))


def _median_of_rounds(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One row for all rounds of a timing; it has warnings, or is host-bound, where most of them are so."""
    found = dict(rounds[0])
    for name in TIMINGS:
        values = [row[name] for row in rounds if isinstance(row.get(name), float)]
        if len(values) > 1:
            found[name] = float(np.median(values))
    for name in ("has_warnings", "host_bound"):
        if name in found:
            found[name] = 2 * sum(bool(row.get(name)) for row in rounds) > len(rounds)
    clocks = [row["clock_mhz"] for row in rounds if row.get("clock_mhz") is not None]
    return {**found, "clock_mhz": round(float(np.median(clocks)))} if clocks else found


def references_table(records: Iterable[Record], table: pd.DataFrame) -> pd.DataFrame:
    """One row a reference predictor on the data of one replicate.

    table: that of `trainings_table`. References are scored first. Those of replicates in which no model has a result
    yet are left out, so that in an unfinished experiment their means are over the data that models have.
    """
    chosen = table[table["selected"].to_numpy(bool)]
    reached = {str(task): set(replicates) for task, replicates in chosen.groupby("task")["replicate"]}
    rows = [
        {**_identity(record), **_scores(record), "valid_loss": record.get("valid_loss")}
        for record in unique(records)
        if record["stage"] == "reference"
        and record.get("replicate") in reached.get(label(record.get("task")), {record.get("replicate")})
    ]
    return frame(rows, REFERENCES, extra_columns(rows))


def summary_table(records: Iterable[Record], table: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row a model on a task: its configuration and what its replicates gave; references follow.

    `test_loss` is the geometric mean over all replicates, where one that failed counts as the worst loss of any model
    on that task. `skill` and metrics are means over replicates that ended well, with a 95 % t interval for the skill.
    `solve_rate` is over all replicates: one that failed is not solved. `steps_to_target_median` is the Kaplan–Meier
    median, missing where fewer than half of the replicates reached the target; both are missing where the task has no
    target (`without_target`). Where every replicate searched for
    itself, `hidden_size`, `num_layers` and `init` are those chosen most often, `learning_rate` and `parameter_count`
    are medians, and times are those of the configuration chosen most often. table: that
    of `trainings_table`, where it is known.
    """
    records = unique(records)
    table = trainings_table(records) if table is None else table
    timings, references = timings_table(records), references_table(records, table)
    selected = table[table["selected"].to_numpy(bool)]
    metrics = list(dict.fromkeys([*metric_columns(selected), *metric_columns(references)]))
    worst = selected[selected["status"] == "ok"].groupby(["match", "task"])["test_loss"].max()
    none, shared = without_target(records, table), shared_rows(records)
    cell = ["match", "task", "model"]
    groups = dict(iter(selected.groupby(cell, sort=False)))
    cells = dict.fromkeys(table[cell].itertuples(index=False, name=None))  # in the order in which their searches began
    rows = [
        summarise_model(
            groups[names],
            timings,
            metrics,
            float(worst.get(names[:2], math.nan)),
            names[1] not in none,
            shared.get(names[1], {}),
        )
        for names in cells
        if names in groups
    ]
    rows += [
        summarise_reference(group, metrics, shared.get(str(task), {}))
        for (_, task, _), group in references.groupby(["match", "task", "model"], sort=False, dropna=False)
    ]
    return frame(rows, SUMMARY, [*metrics, *rare_columns(rows)])
