"""What the tests of claims look at: selected trainings, timings, references and probes of one or more experiments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.analysis.gradient_tables import factor_table
from bench.analysis.recorded import Recorded
from bench.analysis.table_columns import metric_columns
from bench.records.schema import Record, label

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    *("experiment", "match", "kind", "task", "task_name", "task_parameters", "model", "cell", "init", "hidden_size"),
    *("num_layers", "replicate", "failed", "loss", "skill", "metrics", "steps_to_target", "steps", "recurrent"),
    *("total", "learning_rates", "searched_once", "shares_data"),
]
TIMES = [
    *("experiment", "match", "kind", "task", "model", "cell", "init", "hidden_size", "num_layers", "batch_size"),
    *("kernel", "environment", "round", "timing"),
]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Recorded of experiments that belong together."""

    results: tuple[Recorded, ...]

    @cached_property
    def trainings(self) -> pd.DataFrame:
        """One row a selected training (`COLUMNS`).

        A training that failed has the worst loss and skill that any finished one of its task has in its experiment,
        or the naive floor's where that is worse, and never reached its target; NaN where neither is known.
        learning_rates: how many were tried for this model on this task. searched_once: one search of more than one
        trial chose the configuration of all replicates, so their spread does not cover the search. shares_data: its
        replicates are forecast origins of one series.
        """
        import pandas as pd

        rows = [row for each in self.results for row in _trainings(each)]
        return pd.DataFrame(rows, columns=COLUMNS)

    @cached_property
    def timings(self) -> pd.DataFrame:
        """One row a timing (`TIMES`)."""
        import pandas as pd

        rows = [_timing(each.name, record) for each in self.results for record in each.records]
        return pd.DataFrame([row for row in rows if row], columns=TIMES)

    @cached_property
    def factors(self) -> pd.DataFrame:
        """One row a gradient probe: see `bench.analysis.gradient_tables.factor_table`."""
        import pandas as pd

        return pd.concat([factor_table(each.records).assign(experiment=each.name) for each in self.results])

    @cached_property
    def references(self) -> pd.DataFrame:
        """One row a reference and replicate: `experiment`, and the columns of `analysis.tables.references_table`."""
        import pandas as pd

        return pd.concat([each.references.assign(experiment=each.name) for each in self.results])

    def where(self, **conditions: Any) -> pd.DataFrame:
        """The trainings whose columns have these values; a tuple: any of them."""
        table = self.trainings
        for column, value in conditions.items():
            table = table[table[column].isin(value if isinstance(value, tuple) else (value,))]
        return table

    def independent(self, **conditions: Any) -> pd.DataFrame:
        """As `where`, of tasks whose replicates have data of their own: forecast origins of a series share theirs, and
        the tests of claims take replicates to be independent."""
        table = self.where(**conditions)
        return table[~table["shares_data"].astype(bool)]


def keep(table: pd.DataFrame, wanted: Iterable[bool]) -> pd.DataFrame:
    """The rows for which `wanted` says so; an empty table too stays a table with its columns."""
    return table[np.fromiter(wanted, dtype=bool, count=len(table))]


def _trainings(results: Recorded) -> list[dict[str, Any]]:
    """The rows of one experiment."""
    table = results.selected
    tasks = results.described_tasks
    cells = {label(record.get("model")): (record.get("model") or {}).get("name") for record in results.records}
    recurrent = {_size(r): r["parameters"].get("recurrent") for r in results.records if r.get("parameters")}
    tried = _tried(results)
    worst, series = _worst(results, table), {label(r.get("task")) for r in results.records if r.get("origin")}
    metrics = metric_columns(table)
    rows = []
    for row in table.to_dict("records"):
        task, model, failed = row["task"], row["model"], row["status"] != "ok"
        cell = (row["match"], task, model)
        trials, rates = tried.get(cell, (0, 0))
        size = (*cell, _number(row["hidden_size"]), _number(row["num_layers"]))
        loss, skill = worst[task] if failed else (_number(row["test_loss"]), _number(row["skill"]))
        rows.append(
            {
                "experiment": results.name,
                "kind": _kind(row["match"]),
                "task_name": tasks.get(task, {}).get("name"),
                "task_parameters": tasks.get(task, {}).get("parameters") or {},
                "cell": cells.get(model),
                **{key: row[key] for key in ("match", "task", "model", "init", "replicate")},
                **{key: _number(row[key]) for key in ("hidden_size", "num_layers", "steps")},
                "failed": failed,
                "loss": loss,
                "skill": skill,
                "metrics": {name: row[name] for name in metrics if not math.isnan(row[name])},
                "steps_to_target": math.nan if failed else _number(row["steps_to_target"]),
                "recurrent": _number(recurrent.get(size)),
                "total": _number(row["parameter_count"]),
                "learning_rates": rates,
                "searched_once": row["stage"] == "confirm" and trials > 1,
                "shares_data": task in series,
            }
        )
    return rows


def _size(record: Record) -> tuple[Any, ...]:
    model = record.get("model") or {}
    sizes = (_number(model.get(key)) for key in ("hidden_size", "num_layers"))
    return (record.get("match"), label(record.get("task")), label(model), *sizes)


def _tried(results: Recorded) -> dict[Any, tuple[int, int]]:
    """For each comparison, task and model: how many trials a search had, and how many learning rates were tried."""
    table = results.trainings
    table = table[table["stage"].isin(("search", "trial"))]
    groups = table.groupby(["match", "task", "model"], sort=False)
    return {key: (int(rows["trial"].nunique()), int(rows["learning_rate"].nunique())) for key, rows in groups}


def _worst(results: Recorded, table: pd.DataFrame) -> dict[Any, tuple[float, float]]:
    """For each task the loss and skill that a failure counts as."""
    finished, floors = table[table["status"] == "ok"], results.references
    floors = floors[floors["kind"] == "floor"]
    found = {}
    for task in table["task"].unique():
        own, naive = finished[finished["task"] == task], floors[floors["task"] == task]
        losses = [*own["test_loss"].dropna(), *naive["test_loss"].dropna()]
        found[task] = (max(losses, default=math.nan), min([0.0, *own["skill"].dropna()]))
    return found


def _timing(experiment: str, record: Record) -> dict[str, Any] | None:
    if record.get("stage") != "time" or not record.get("timing"):
        return None
    model, match = record.get("model") or {}, str(record.get("match"))
    return {
        "experiment": experiment,
        "match": match,
        "kind": _kind(match),
        "task": label(record.get("task")),
        "model": label(model),
        "cell": model.get("name"),
        **{key: model.get(key) for key in ("init", "hidden_size", "num_layers")},
        "batch_size": (record.get("training") or {}).get("batch_size"),
        "round": record.get("round") or 0,
        **{key: record.get(key) for key in ("kernel", "environment", "timing")},
    }


def _kind(match: Any) -> str:
    """ "tuned", "hidden" or "params"; "each" for a comparison of one size on its own."""
    return "each" if "×" in str(match) else str(match).partition(" ")[0]


def _number(value: Any) -> float:
    """A float; NaN for None and for pandas' missing integer."""
    import pandas as pd

    return math.nan if pd.isna(value) else float(value)


Row = Mapping[Any, Any]
