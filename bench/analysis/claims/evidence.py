"""What the tests of claims look at: the confirmed trainings, timings, references and probes of one or more experiments.

Experiments are compared within themselves. A unit is what its entries share (experiment, comparison, task); paired
values are averaged over units for each replicate, so that n is the number of replicates whatever the number of tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.analysis import stats
from bench.analysis.claims.part import ENOUGH, Part, missing
from bench.analysis.gradient_tables import factor_table
from bench.analysis.results import Results
from bench.records.schema import Record, label

if TYPE_CHECKING:
    import pandas as pd

UNIT = ["experiment", "match", "task"]
SMALLEST = 1e-30  # of a loss: below it is rounding, and zero has no logarithm
COLUMNS = [
    *("experiment", "match", "kind", "task", "task_name", "task_parameters", "model", "cell", "init", "hidden_size"),
    *("num_layers", "learning_rate", "replicate", "status", "loss", "skill", "metrics", "steps_to_target", "steps"),
    *("recurrent", "total", "key"),
]
TIMES = [
    *("experiment", "match", "kind", "task", "model", "cell", "init", "hidden_size", "num_layers", "batch_size"),
    *("kernel", "environment", "timing"),
]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Results of experiments that belong together."""

    results: tuple[Results, ...]

    @cached_property
    def trainings(self) -> pd.DataFrame:
        """One row a confirmed training (`COLUMNS`) of the configuration that was confirmed last; each training once."""
        import pandas as pd

        rows = [_training(each.name, record) for each in self.results for record in each.records]
        table = pd.DataFrame([row for row in rows if row], columns=COLUMNS)
        size = ["hidden_size", "num_layers", "init", "learning_rate", "steps"]
        last = table.groupby([*UNIT, "model"], sort=False)[size].transform("last")
        return table[(table[size] == last).all(axis=1)].reset_index(drop=True)

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


def _training(experiment: str, record: Record) -> dict[str, Any] | None:
    if record.get("stage") != "confirm":
        return None
    model, task, test = record.get("model") or {}, record.get("task") or {}, record.get("test") or {}
    ok = record.get("status") == "ok"
    counts = record.get("parameters") or {}
    return {
        **_identity(experiment, record),
        "task_name": task.get("name"),
        "task_parameters": task.get("parameters") or {},
        "learning_rate": (record.get("training") or {}).get("learning_rate"),
        "replicate": record.get("replicate"),
        "status": record.get("status"),
        "loss": _number(test.get("loss")) if ok else math.nan,
        "skill": _number(test.get("skill")) if ok else math.nan,
        "metrics": test,
        "steps_to_target": _number(record.get("steps_to_target")) if ok else math.nan,
        "steps": (record.get("training") or {}).get("steps"),
        "recurrent": counts.get("recurrent"),
        "total": counts.get("total"),
        "key": record.get("key"),
        "hidden_size": model.get("hidden_size"),
    }


def _timing(experiment: str, record: Record) -> dict[str, Any] | None:
    if record.get("stage") != "time" or not record.get("timing"):
        return None
    return {
        **_identity(experiment, record),
        "batch_size": (record.get("training") or {}).get("batch_size"),
        **{key: record.get(key) for key in ("kernel", "environment", "timing")},
    }


def _identity(experiment: str, record: Record) -> dict[str, Any]:
    model, match = record.get("model") or {}, str(record.get("match"))
    return {
        "experiment": experiment,
        "match": match,
        "kind": "each" if "×" in match else match.partition(" ")[0],
        "task": label(record.get("task")),
        "model": label(model),
        "cell": model.get("name"),
        **{key: model.get(key) for key in ("init", "hidden_size", "num_layers")},
    }


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


Row = Mapping[Any, Any]
Value = Callable[[Row], float]


def log_loss(row: Row) -> float:
    return math.log(max(row["loss"], SMALLEST))


def skill(row: Row) -> float:
    return float(row["skill"])


def log_restricted_steps(row: Row) -> float:
    """Logarithm of the steps to target, cut at the budget."""
    steps = row["steps_to_target"]
    return math.log(max(1.0, row["steps"] if math.isnan(steps) else min(steps, row["steps"])))


def keep(table: pd.DataFrame, wanted: Iterable[bool]) -> pd.DataFrame:
    """The rows for which `wanted` says so; an empty table too stays a table with its columns."""
    return table[np.fromiter(wanted, dtype=bool, count=len(table))]


def paired(first: pd.DataFrame, second: pd.DataFrame, value: Value, unit: Sequence[str] = UNIT) -> NDArray[np.float64]:
    """`value(first) − value(second)` for each replicate, a mean over the units that both have: `(replicates,)`.

    A replicate counts if it ended well on both sides in every unit, so that all means are over the same units. A unit
    with fewer than `ENOUGH` of them (an experiment made for its times, say) is left out where another has enough.
    """
    sides = [_values(table, value, unit) for table in (first, second)]
    replicates: dict[tuple[Any, ...], set[Any]] = {}
    for key in sides[0].keys() & sides[1].keys():
        replicates.setdefault(key[:-1], set()).add(key[-1])
    units = [u for u, own in replicates.items() if len(own) >= ENOUGH] or list(replicates)
    shared = sorted(set.intersection(*(replicates[u] for u in units))) if units else []
    found = [[sides[0][(*u, r)] - sides[1][(*u, r)] for u in units] for r in shared]
    means = np.array([np.mean(values) for values in found], dtype=np.float64)
    return means[np.isfinite(means)]


def _values(table: pd.DataFrame, value: Value, unit: Sequence[str]) -> dict[tuple[Any, ...], float]:
    rows = table[table["status"] == "ok"].to_dict("records")
    return {(*(row[name] for name in unit), row["replicate"]): value(row) for row in rows}


def ratio_part(name: str, differences: Iterable[float], unit: str, *, below: bool, nothing: str) -> Part:
    """A part that says a ratio is below (or above) 1, from the differences of its logarithm over replicates."""
    return difference_part(name, differences, unit, below=below, nothing=nothing, transform=math.exp)


def difference_part(
    name: str,
    differences: Iterable[float],
    unit: str,
    *,
    below: bool,
    nothing: str,
    zero: float = 0.0,
    transform: Callable[[float], float] = float,
) -> Part:
    """A part that says a mean is below (or above) `zero`, by Student's t; shown through `transform`.

    nothing: why there are no data, where there are none.
    """
    values = np.asarray(list(differences), dtype=np.float64)
    if not len(values):
        return missing(name, nothing)
    found = stats.paired_difference(values, zero)
    shown = [transform(x + zero) if math.isfinite(x) else math.nan for x in found[:3]]
    lower, upper = sorted(shown[1:]) if math.isfinite(shown[1]) else shown[1:]
    low_side, high_side = _one_sided(found)
    p_for, p_against = (low_side, high_side) if below else (high_side, low_side)
    return Part(name, unit, shown[0], lower, upper, found.n, p_for, p_against)


def equivalence_part(name: str, differences: Iterable[float], unit: str, margin: float, *, nothing: str) -> Part:
    """A part that says a ratio is within 1/`margin` and `margin`; its contrary, that it is outside."""
    values = np.asarray(list(differences), dtype=np.float64)
    if not len(values):
        return missing(name, nothing)
    bound = math.log(margin)
    found, within = stats.paired_difference(values, 0.0), stats.equivalence(values, np.zeros(len(values)), bound)
    outside = stats.paired_difference(np.abs(found.value) - bound + (values - found.value), 0.0)
    effect, low, high = (math.exp(x) if math.isfinite(x) else math.nan for x in found[:3])
    return Part(name, unit, effect, low, high, found.n, within.p, _one_sided(outside)[1])


def _one_sided(found: stats.Paired) -> tuple[float, float]:
    """p of "the mean is not below 0", and of "it is not above 0"."""
    if math.isnan(found.p):
        return math.nan, math.nan
    half = found.p / 2
    return (half, 1 - half) if found.value < 0 else (1 - half, half)
