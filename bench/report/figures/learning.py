"""Figures of what was learnt. Each function draws one task of one comparison on given axes, and returns in words what
the figure shows.

A model keeps its colour and line style in all figures: both come from its place in the experiment.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.analysis import stats
from bench.analysis.formatting import number
from bench.analysis.results import Results
from bench.analysis.selected import selected_rows, target_of
from bench.report.figures.axes import SMALLEST, across, colour, line_style, log_scale, name_rows, named, room, say, told
from bench.report.figures.svg import MUTED, PAPER

if TYPE_CHECKING:
    pass

# In one figure, and in all figures of a page: more cannot be told apart, and make a large file.
THIN_LINES = (120, 720)
SEED_DOTS = (400, 2400)


def reference_lines(results: Results, task: str, *, target: bool) -> dict[str, float]:
    """Losses to draw across a figure: references, and the target where it is one of the loss."""
    table = results.references[results.references["task"] == task]
    means = table.groupby("model", sort=False)["test_loss"].mean()
    lines = {str(name): float(value) for name, value in means.items() if math.isfinite(value)}
    worst = max(lines.values(), default=0.0)
    lines = {name: value for name, value in lines.items() if value > worst * 1e-8}  # 1e-30 would flatten the rest
    goal = target_of(results, task)
    if target and goal.get("metric") == "loss":
        lines["target"] = float(goal["threshold"])
    return lines


def curves(axes: Axes, results: Results, match: str, task: str) -> str:
    """Validation loss against steps: a thin line a replicate, the median bold, the middle half shaded."""
    table = results.curves
    table = table[table["selected"] & (table["match"] == match) & (table["task"] == task)]
    data = table[["model", "replicate", "step", "valid_loss"]].dropna().astype({"step": float, "replicate": int})
    data = data.assign(valid_loss=data["valid_loss"].clip(lower=SMALLEST))
    present = [model for model in results.models if (data["model"] == model).any()]
    if not present:
        return say(axes, f"Learning curves on {task}: none yet.")
    axes.set_yscale("log")
    each = max(1, room(results, THIN_LINES) // len(present))
    for model in present:
        place, rows = results.models.index(model), data[data["model"] == model]
        runs = [run[["step", "valid_loss"]].to_numpy() for _, run in rows.groupby("replicate")]
        axes.add_collection(LineCollection(runs[:each], colors=colour(place), linewidths=0.7, alpha=0.3))
        middle = rows.groupby("step")["valid_loss"].quantile(np.array([0.25, 0.5, 0.75])).unstack()
        axes.fill_between(middle.index, middle[0.25], middle[0.75], color=colour(place), alpha=0.14, linewidth=0)
        strong = line_style(place, model)
        axes.plot(middle.index, middle[0.5], **strong)
    lines = reference_lines(results, task, target=True)
    for text, value in lines.items():
        across(axes, text, max(value, SMALLEST))
    axes.autoscale_view()
    log_scale(axes.yaxis, [*data["valid_loss"], *lines.values()])
    axes.set_xlabel("optimiser steps")
    axes.set_ylabel("validation loss (log)")
    _count_axis(axes)
    axes.margins(x=0)
    ends = data.sort_values("step").groupby(["model", "replicate"])["valid_loss"].last().groupby("model").median()
    finding = told([f"{model} {number(ends[model])}" for model in present])
    return f"Learning curves on {task}. Median validation loss at the end: {finding}."


def losses(axes: Axes, results: Results, match: str, task: str) -> str:
    """Test loss of each replicate, with the geometric mean and its 95 % t-interval; references as vertical lines."""
    table = selected_rows(results, match, task)
    ok = table[(table["status"] == "ok") & table["test_loss"].notna()]
    ok = ok.assign(test_loss=ok["test_loss"].clip(lower=SMALLEST))
    present = [model for model in results.models if (table["model"] == model).any()]
    lines = reference_lines(results, task, target=False)
    axes.set_xscale("log")
    said = []
    for row, model in enumerate(present):
        values = ok[ok["model"] == model]["test_loss"].to_numpy(float)
        paint = colour(results.models.index(model))
        if not len(values):
            beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "color": MUTED}
            axes.text(0.02, row, "every training failed", **beside)
            said.append(f"{model} failed")
            continue
        dots = values[: max(1, room(results, SEED_DOTS) // len(present))]
        axes.plot(dots, [row + 0.17] * len(dots), "o", ms=3.6, color=paint, alpha=0.45, mew=0)
        mean = stats.mean_interval(np.log(values))
        if mean.n > 1:
            axes.plot(np.exp([mean.low, mean.high]), [row - 0.1] * 2, color=paint, lw=2.2)
        axes.plot(np.exp([mean.value]), [row - 0.1], "D", ms=5.5, color=paint, mec=PAPER, mew=0.8)
        said.append(f"{model} {number(np.exp(mean.value))}")
    above: dict[str, Any] = {
        "transform": axes.get_xaxis_transform(),
        "ha": "center",
        "va": "bottom",
        "fontsize": 8,
        "color": MUTED,
    }
    for i, (text, value) in enumerate(sorted(lines.items(), key=lambda line: line[1])):
        axes.axvline(max(value, SMALLEST), color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.text(max(value, SMALLEST), 1.01 + 0.3 / (len(present) + 1) * (i % 2), named(text, 20), **above)
    name_rows(axes, present)
    log_scale(axes.xaxis, [*ok["test_loss"], *lines.values()])
    axes.set_xlabel("test loss (log)")
    return f"Test loss on {task}, geometric mean: {told(said) if said else 'none'}."


def solved(axes: Axes, results: Results, match: str, task: str) -> str:
    """Share of replicates that reached the target by each step; where a line ends is the solve rate."""
    table = selected_rows(results, match, task)
    horizon = float(table["steps"].fillna(0).max() or 1)
    said = []
    for model in (model for model in results.models if (table["model"] == model).any()):
        rows = table[table["model"] == model]
        reached = np.sort(rows[rows["status"] == "ok"]["steps_to_target"].dropna().to_numpy(float))
        share = np.arange(len(reached) + 1) / len(rows)
        place = results.models.index(model)
        strong = line_style(place, model)
        axes.step(np.r_[0.0, reached, horizon], np.r_[share, share[-1]], where="post", clip_on=False, **strong)
        axes.plot(reached, share[1:], "o", ms=3, color=colour(place), clip_on=False)
        said.append(f"{model} {len(reached)} of {len(rows)}")
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(0, horizon)
    axes.set_yticks([0, 0.5, 1], ["none", "half", "all"])
    axes.set_xlabel("optimiser steps")
    _count_axis(axes)
    axes.set_ylabel("replicates solved")
    return f"Replicates that solved {task}: {told(said) if said else 'none'}."


def _count_axis(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
