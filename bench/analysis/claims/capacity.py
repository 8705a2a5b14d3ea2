"""Claims about capacity: width, depth, and whether a recurrent net is needed at all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.analysis import stats
from bench.analysis.claims.cost import judge_times
from bench.analysis.claims.evidence import Evidence, keep
from bench.analysis.claims.pairs import LOSS, Pairs, cases, log_loss, usable
from bench.analysis.claims.part import Part, not_tested
from bench.analysis.claims.tested import on_every, ratio_below
from bench.analysis.levels import ENOUGH, LEVEL, SMALLEST_LOSS

if TYPE_CHECKING:
    import pandas as pd

CELLS = ("gru", "lstm", "rnn")
ALIKE = 1.1  # parameter counts within this factor are equal
EACH_ITS_OWN = "each replicate with a search of its own (--tune each)"


def _with_own_search(table: pd.DataFrame) -> pd.DataFrame:
    """Without trainings whose configuration one search chose for all replicates: sizes and depths are compared by
    searches, and the luck of a single one is in no interval."""
    return keep(table, ~table["searched_once"].astype(bool))


def width(evidence: Evidence) -> list[Part]:
    """Slopes of log loss and of log step time over the doublings of the hidden size, at one layer and one task each."""
    nothing = f"no model at three or more hidden sizes (--match each), {EACH_ITS_OWN}"
    slopes, notes = {}, []
    for name, rows in _widths(evidence):
        sizes = rows["hidden_size"].nunique()
        whole = [own for _, own in rows.groupby("replicate") if own["hidden_size"].nunique() == sizes]
        values = [_slope(own["hidden_size"], [log_loss(row) for row in own.to_dict("records")]) for own in whole]
        slopes[name] = Pairs(np.asarray([value for value in values if math.isfinite(value)], dtype=np.float64))
        notes.append(f"{name}: {_turning_point(rows)}")
    finding = "a doubling multiplies the test loss by {}"
    error = on_every("error", finding, usable(slopes), ratio_below, nothing)
    return [replace(error, why="; ".join(filter(None, (error.why, *notes)))), _time(evidence)]


def _widths(evidence: Evidence) -> Iterator[tuple[str, pd.DataFrame]]:
    """The trainings of each model and task that has three or more hidden sizes."""
    table = _with_own_search(evidence.independent(cell=CELLS, kind="each"))
    several = table["experiment"].nunique() > 1
    unit = ["experiment", "task", "model", "num_layers"]
    for (experiment, task, model, layers), rows in table.groupby(unit, sort=False):
        if rows["hidden_size"].nunique() >= 3:
            details = [*([] if layers == 1 else [f"{layers:g} layers"]), *([str(experiment)] if several else [])]
            yield f"{model} on {task}" + (f" ({', '.join(details)})" if details else ""), rows


def _time(evidence: Evidence) -> Part:
    table = evidence.timings
    table = table[table["cell"].isin(CELLS) & (table["kind"] == "each")]
    groups = [
        rows
        for _, rows in table.groupby(["experiment", "task", "model", "num_layers", "kernel"])
        if rows["hidden_size"].nunique() >= 3
    ]
    if not groups:
        return not_tested("time", "no model was timed at three or more hidden sizes (--match each)")
    slopes = [
        _slope(rows["hidden_size"], [math.log(timing["step_seconds"]) for timing in rows["timing"]]) for rows in groups
    ]
    effect, low, high = (math.exp(x) for x in (np.mean(slopes), min(slopes), max(slopes)))
    state, busy = judge_times(1 / high, 1 / low, [timing for rows in groups for timing in rows["timing"]])
    why = f"from {low:.3g} to {high:.3g} over models, tasks and kernels{busy}"
    finding = "a doubling multiplies a step's time by {}"
    return Part("time", finding, effect, n=len(slopes), state=state, why=why, counted="case")


def _slope(sizes: Any, values: list[float]) -> float:
    """Least-squares slope of values over log2 of the sizes."""
    x = np.log2(np.asarray(sizes, dtype=np.float64))
    return float(np.polyfit(x - x.mean(), values, 1)[0]) if np.isfinite(values).all() else math.nan


def _turning_point(group: pd.DataFrame) -> str:
    """Where the mean log test loss is lowest, and whether the largest size is worse than that beyond chance."""
    logs = group.assign(log=[log_loss(row) for row in group.to_dict("records")])
    wide = logs.pivot_table(index="replicate", columns="hidden_size", values="log", aggfunc="last")
    best, largest = wide.mean().idxmin(), wide.columns.max()
    if best == largest:
        return f"still falling at {largest:g}"
    found = stats.paired_difference(wide[largest].to_numpy(float), wide[best].to_numpy(float))
    beyond = found.n >= ENOUGH and found.p < LEVEL
    said = f"worse again by {largest:g}" if beyond else f"{largest:g} no worse beyond chance"
    return f"lowest at {best:g}, {said}"


def depth(evidence: Evidence) -> list[Part]:
    """Test loss with two layers over that with one, for each cell on every task, at parameter counts within 10 %."""
    parts = []
    for cell in ("gru", "lstm"):
        table = _with_own_search(evidence.independent(cell=cell, init="default", kind="params"))
        one, two = (table[table["num_layers"] == layers] for layers in (1, 2))
        keys = ["match", "task"]
        counts = [side.groupby(keys)["total"].last().to_dict() for side in (one, two)]
        alike = {
            key for key in counts[0].keys() & counts[1].keys() if 1 / ALIKE < counts[0][key] / counts[1][key] < ALIKE
        }
        one, two = (
            keep(side, [key in alike for key in side[keys].itertuples(index=False, name=None)]) for side in (one, two)
        )
        nothing = f"no experiments with one and with two layers at the same parameter count, {EACH_ITS_OWN}"
        pairs = cases(two, one, LOSS, unit=())  # the two depths are experiments of their own
        finding = "two layers' test loss is {} times one layer's"
        parts.append(on_every(cell.upper(), finding, pairs, ratio_below, nothing))
    return parts


def needed_for_a_sine(evidence: Evidence) -> list[Part]:
    """The best recurrent model's test loss over a fitted linear autoregression's, on a clean and on a noisy sine."""
    parts = []
    for name, noisy in (("clean", False), ("noisy", True)):
        table = evidence.independent(task_name="sine", cell=CELLS)
        table = keep(table, [bool(p.get("noise")) == noisy for p in table["task_parameters"]])
        found = _against_linear(evidence, table)
        if not found:
            parts.append(not_tested(name, "no recurrent model beside the linear one"))
            continue
        best = min(found, key=lambda model: float(found[model].differences.mean()))
        finding = f"the test loss of {best}, the best recurrent model, is {{}} times the linear one's"
        part = on_every(name, finding, {best: found[best]}, ratio_below, "")
        # the best of several is no fair draw: Bonferroni
        parts.append(replace(part, p_for=min(1.0, part.p_for * len(found)), why=found[best].remark))
    return parts


def _against_linear(evidence: Evidence, table: pd.DataFrame) -> dict[str, Pairs]:
    """log(loss / linear loss) of each replicate, by model; a mean over tasks and comparisons."""
    references = evidence.references
    linear = references[references["model"] == "linear_ar"]
    bounds = linear.groupby(["experiment", "task", "replicate"])["test_loss"].last().to_dict()
    found: dict[str, dict[Any, list[tuple[float, bool]]]] = {}
    for row in table.to_dict("records"):
        bound = bounds.get((row["experiment"], row["task"], row["replicate"]))
        if bound is not None and math.isfinite(row["loss"]):
            ratio = log_loss(row) - math.log(max(bound, SMALLEST_LOSS))
            found.setdefault(str(row["model"]), {}).setdefault(row["replicate"], []).append((ratio, row["failed"]))
    return {model: _ratios(replicates) for model, replicates in found.items()}


def _ratios(replicates: dict[Any, list[tuple[float, bool]]]) -> Pairs:
    means = [float(np.mean([ratio for ratio, _ in own])) for _, own in sorted(replicates.items())]
    return Pairs(np.asarray(means), first_failed=sum(any(failed for _, failed in own) for own in replicates.values()))
