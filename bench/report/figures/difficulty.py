"""What a harder task takes: a score against the one parameter in which several tasks differ, such as copy's delay."""

from __future__ import annotations

from matplotlib.axes import Axes

from bench.analysis import stats
from bench.analysis.formatting import number
from bench.analysis.ladders import ladders
from bench.analysis.results import Results
from bench.analysis.selected import models_in, selected_rows, target_of
from bench.report.figures.axes import line_style, say, told
from bench.report.figures.ticks import log_ticks

WIDE = 8  # largest over smallest value from which the axis is logarithmic


def score_against_parameter(axes: Axes, results: Results, match: str, task: str) -> str:
    """The target's metric on test data (skill, where that is the loss) of every model: mean and 95 % t-interval.

    task: any of a ladder's.
    """
    ladder = next((each for each in ladders(results) if task in [name for _, name in each.steps]), None)
    if ladder is None:
        return say(axes, f"No three tasks differ from {task} in one number alone.")
    metric = str((target_of(results, task) or {}).get("metric") or "loss")
    score = "skill" if metric == "loss" else metric
    tables = [(value, selected_rows(results, match, name)) for value, name in ladder.steps]
    said = []
    for model in models_in(results.selected[results.selected["match"] == match], results):
        points = [
            (value, stats.mean_interval(rows[score]))
            for value, table in tables
            if score in table and len(rows := table[table["model"] == model])
        ]
        points = [(value, estimate) for value, estimate in points if estimate.n]
        if not points:
            continue
        at, means = [value for value, _ in points], [estimate.value for _, estimate in points]
        look = line_style(results.models.index(model), model)
        axes.plot(at, means, marker="o", ms=4.5, **look)
        bounds = [(estimate.low, estimate.high) for _, estimate in points]
        axes.vlines(at, *zip(*bounds, strict=True), color=look["color"], lw=1.2, alpha=0.6)
        steps = ", ".join(f"{number(mean, 2)} at {value:g}" for value, mean in zip(at, means, strict=True))
        said.append(f"{model} {steps}")
    every = [value for value, _ in ladder.steps]
    if min(every) > 0 and max(every) / min(every) >= WIDE:
        axes.set_xscale("log")
        log_ticks(axes.xaxis)
    axes.set_xticks(every, [f"{value:g}" for value in every])
    axes.set_xlabel(ladder.parameter.replace("_", " "))
    axes.set_ylabel(score.replace("_", " "))
    return f"{score.replace('_', ' ')} on {ladder.kind} against {ladder.parameter.replace('_', ' ')}: {told(said)}."
