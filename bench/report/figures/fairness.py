"""Skill against what it costs: parameters, FLOPs, state and time, as four panels of one figure."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from bench.analysis.formatting import number
from bench.analysis.results import Results
from bench.analysis.selected import selected_rows
from bench.analysis.summary import median
from bench.report.figures.axes import MARKERS, colour, named, told
from bench.report.figures.svg import MUTED
from bench.report.figures.ticks import log_ticks

INCHES = 4.3
COSTS = {  # the column, and the label of its axis
    "parameter_count": "parameters",
    "flops_per_step": "FLOPs a step",
    "state_size": "numbers in the state",
    "step_seconds": "seconds a step",
}
_PLACES = ((0.0, 0.58), (0.56, 0.58), (0.0, 0.0), (0.56, 0.0))  # of the panels, in parts of the figure


def skill_against_costs(axes: Axes, results: Results, match: str, task: str) -> str:
    """Mean skill of each model against each of its costs (log axes): further left and up is better."""
    found = costs(results, match, task)
    axes.set_axis_off()
    for model in found:
        axes.plot([], [], **_look(results, model), label=named(model, 18))
    said = []
    for (column, label), (x, y) in zip(COSTS.items(), _PLACES, strict=True):
        panel = axes.inset_axes((x, y, 0.44, 0.4))
        known = {model: row for model, row in found.items() if row[column] > 0 and math.isfinite(row["skill"])}
        panel.set_xlabel(f"{label} (log)", fontsize=8.5)
        panel.tick_params(labelsize=8)
        if not known:
            panel.text(0.5, 0.5, "not recorded", transform=panel.transAxes, ha="center", va="center", color=MUTED)
            panel.set_xticks([])
            panel.set_yticks([])
            continue
        panel.set_xscale("log")
        for model, row in known.items():
            panel.plot([row[column]], [row["skill"]], **_look(results, model))
        log_ticks(panel.xaxis, most=2)
        panel.margins(0.2)
        if x == 0:
            panel.set_ylabel("skill", fontsize=8.5)
        cheapest = min(known, key=lambda model: known[model][column])
        said.append(f"{label} {cheapest} ({number(known[cheapest][column])})")
    skills = [f"{model} {number(row['skill'])}" for model, row in found.items()]
    return f"Skill on {task}: {told(skills)}. Lowest {told(said)}." if said else f"Costs on {task}: not recorded."


def costs(results: Results, match: str, task: str) -> dict[str, dict[str, float]]:
    """By model: its mean skill and each of `COSTS`, NaN where it is not recorded. Models that never ended are left out.

    Parameters are the median over replicates, the others those of the configuration that was timed, on the kernel
    that was timed first.
    """
    table, timings = selected_rows(results, match, task), results.rows("timings", match, task)
    found: dict[str, dict[str, float]] = {}
    for model in results.models:
        own, timed = table[(table["model"] == model) & (table["status"] == "ok")], timings[timings["model"] == model]
        if not len(own):
            continue
        row = {column: _first(timed[column]) if column in timed.columns else math.nan for column in COSTS}
        count = median(own["parameter_count"])  # one that a replicate has, as in every table
        row["parameter_count"] = math.nan if count is None else float(count)
        found[model] = {**row, "skill": float(own["skill"].mean())}
    return found


def _first(values: pd.Series) -> float:
    """The first value of a column; NaN where there is none."""
    return math.nan if not len(values) or pd.isna(values.iloc[0]) else float(values.iloc[0])


def _look(results: Results, model: str) -> dict[str, Any]:
    place = results.models.index(model)
    return {"color": colour(place), "marker": MARKERS[place % len(MARKERS)], "ms": 7, "linestyle": "none"}
