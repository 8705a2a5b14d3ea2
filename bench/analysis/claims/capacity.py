"""Claims about capacity: width, depth, and whether a recurrent net is needed at all."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.analysis import stats
from bench.analysis.claims.cost import judge_times
from bench.analysis.claims.evidence import SMALLEST, Evidence, difference_part, keep, log_loss, paired, ratio_part
from bench.analysis.claims.part import LEVEL, Part, missing

if TYPE_CHECKING:
    import pandas as pd

CELLS = ("gru", "lstm", "rnn")
ALIKE = 1.1  # parameter counts within this factor are equal


def width(evidence: Evidence) -> list[Part]:
    """Slopes of log loss and of log step time over the doublings of the hidden size, at one layer and one task each."""
    table = evidence.where(cell=CELLS, kind="each", status="ok")
    unit = ["experiment", "task", "model", "num_layers"]
    nothing = "no experiment has one model at three or more hidden sizes (--match each)"
    slopes: dict[int, list[float]] = {}
    notes = []
    for key, group in table.groupby(unit, sort=False):
        if group["hidden_size"].nunique() < 3:
            continue
        for replicate, rows in group.groupby("replicate"):
            if rows["hidden_size"].nunique() == group["hidden_size"].nunique():
                losses = [log_loss(row) for row in rows.to_dict("records")]
                slopes.setdefault(int(str(replicate)), []).append(_slope(rows["hidden_size"], losses))
        notes.append(f"{key[2]} on {key[1]}: {_turning_point(group)}")
    error = difference_part(
        "error",
        [float(np.mean(values)) for values in slopes.values()],
        "a doubling multiplies the test loss by",
        below=True,
        nothing=nothing,
        transform=math.exp,
    )
    return [replace(error, why=error.why or "; ".join(notes)), _time(evidence, nothing)]


def _time(evidence: Evidence, nothing: str) -> Part:
    table = evidence.timings
    table = table[table["cell"].isin(CELLS) & (table["kind"] == "each")]
    groups = [
        rows
        for _, rows in table.groupby(["experiment", "task", "model", "num_layers", "kernel"])
        if rows["hidden_size"].nunique() >= 3
    ]
    if not groups:
        return missing("time", nothing)
    slopes = [
        _slope(rows["hidden_size"], [math.log(timing["step_seconds"]) for timing in rows["timing"]]) for rows in groups
    ]
    effect, low, high = (math.exp(x) for x in (np.mean(slopes), min(slopes), max(slopes)))
    state, busy = judge_times(1 / high, 1 / low, [timing for rows in groups for timing in rows["timing"]])
    why = f"from {low:.3g} to {high:.3g} over models, tasks and kernels{busy}"
    return Part("time", "a doubling multiplies a step's time by", effect, n=len(slopes), state=state, why=why)


def _slope(sizes: Any, values: list[float]) -> float:
    """Least-squares slope of values over log2 of the sizes."""
    x = np.log2(np.asarray(sizes, dtype=np.float64))
    return float(np.polyfit(x - x.mean(), values, 1)[0])


def _turning_point(group: pd.DataFrame) -> str:
    """Where the mean test loss is lowest, and whether the largest size is worse than that beyond chance."""
    logs = group.assign(log=[log_loss(row) for row in group.to_dict("records")])
    wide = logs.pivot_table(index="replicate", columns="hidden_size", values="log", aggfunc="last")
    best, largest = wide.mean().idxmin(), wide.columns.max()
    if best == largest:
        return f"still falling at {largest}"
    found = stats.paired_difference(wide[largest].to_numpy(float), wide[best].to_numpy(float))
    beyond = found.n >= 5 and found.p < LEVEL
    return f"lowest at {best}, " + (f"overfits by {largest}" if beyond else f"{largest} no worse beyond chance")


def depth(evidence: Evidence) -> list[Part]:
    """Test loss with two layers over that with one, for each cell at parameter counts that agree within 10 %."""
    parts = []
    for cell in ("gru", "lstm"):
        table = evidence.where(cell=cell, init="default", kind="params")
        one, two = (table[table["num_layers"] == layers] for layers in (1, 2))
        keys = ["match", "task"]
        counts = [side.groupby(keys)["total"].last().to_dict() for side in (one, two)]
        alike = {
            key for key in counts[0].keys() & counts[1].keys() if 1 / ALIKE < counts[0][key] / counts[1][key] < ALIKE
        }
        one, two = (
            keep(side, [key in alike for key in side[keys].itertuples(index=False, name=None)]) for side in (one, two)
        )
        nothing = "no experiments with one and with two layers at the same parameter count"
        differences = paired(two, one, log_loss, keys)
        unit = "two layers' test loss is one's times"
        parts.append(ratio_part(cell.upper(), differences, unit, below=True, nothing=nothing))
    return parts


def needed_for_a_sine(evidence: Evidence) -> list[Part]:
    """The best recurrent model's test loss over a fitted linear autoregression's, on a clean and on a noisy sine."""
    parts = []
    for name, noisy in (("clean", False), ("noisy", True)):
        table = evidence.where(task_name="sine", cell=CELLS, status="ok")
        table = keep(table, [bool(p.get("noise")) == noisy for p in table["task_parameters"]])
        found = _against_linear(evidence, table)
        if not found:
            parts.append(missing(name, "no seeds with a recurrent model and a linear one"))
            continue
        best = min(found, key=lambda model: float(np.mean(found[model])))
        unit = f"the best recurrent model's ({best}) test loss is the linear one's times"
        part = ratio_part(name, found[best], unit, below=True, nothing="")
        tried = len(found)  # the best of several is no fair draw: Bonferroni
        parts.append(replace(part, p_for=min(1.0, part.p_for * tried), p_against=part.p_against))
    return parts


def _against_linear(evidence: Evidence, table: pd.DataFrame) -> dict[str, list[float]]:
    """log(loss / linear loss) of each replicate, by model; one comparison is enough, as all have the same data."""
    references = evidence.references
    linear = references[references["model"] == "linear_ar"]
    bounds = linear.groupby(["experiment", "task", "replicate"])["test_loss"].last().to_dict()
    found: dict[str, dict[tuple[str, int], list[float]]] = {}
    for row in table.to_dict("records"):
        bound = bounds.get((row["experiment"], row["task"], row["replicate"]))
        if bound is not None:
            ratio = log_loss(row) - math.log(max(bound, SMALLEST))
            found.setdefault(str(row["model"]), {}).setdefault((row["task"], row["replicate"]), []).append(ratio)
    by_model = {}
    for model, ratios in found.items():
        replicates = sorted({replicate for _, replicate in ratios})
        by_model[model] = [
            float(np.mean([x for (_, r), values in ratios.items() if r == replicate for x in values]))
            for replicate in replicates
        ]
    return by_model
