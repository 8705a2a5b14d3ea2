"""Figures of what was learnt. Each function draws one task of one comparison on given axes, and returns in words what
the figure shows.

A model keeps its colour and line style in all figures: both come from its place in the experiment.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.analysis.formatting import number
from bench.analysis.results import Results
from bench.analysis.selected import selected_rows, target_of, targets_of
from bench.analysis.summary import geometric_mean
from bench.report.figures.axes import SMALLEST, across, colour, line_style, room, say, told
from bench.report.figures.ticks import log_ticks

# In one figure, and in all figures of a page: more cannot be told apart, and make a large file.
THIN_LINES = (120, 720)
FAR = 1e3  # a reference that is better than all curves by more is named below them: its line would flatten the rest


def reference_lines(results: Results, task: str) -> dict[str, tuple[float, float]]:
    """Losses on validation data to draw across the curves, lowest and highest: the target where it is one of the loss,
    over replicates, and of references the geometric mean.

    Older records do not say how a reference does on validation data: it has no line.
    """
    ends = targets_of(results, task) if target_of(results, task).get("metric") == "loss" else None
    lines = {"target": ends} if ends else {}
    table = results.references[(results.references["task"] == task) & results.references["valid_loss"].notna()]
    for name, rows in table.groupby("model", sort=False):
        mean = geometric_mean(rows["valid_loss"])
        lines[str(name)] = mean, mean
    return lines


def curves(axes: Axes, results: Results, match: str, task: str) -> str:
    """Validation loss against steps: a thin line a replicate, the median bold, the middle half shaded."""
    table = results.rows("curves", match, task)
    data = table.loc[table["selected"].to_numpy(bool), ["model", "replicate", "step", "valid_loss"]].dropna()
    data = data.astype({"step": float, "replicate": int}).assign(valid_loss=data["valid_loss"].clip(lower=SMALLEST))
    # for each model a row a step, a column a replicate
    runs = {str(model): rows.drop(columns="model") for model, rows in data.groupby("model", sort=False)}
    runs = {model: rows.groupby(["step", "replicate"])["valid_loss"].last().unstack() for model, rows in runs.items()}
    present = [model for model in results.models if model in runs]
    if not present:
        return say(axes, f"Learning curves on {task}: none yet.")
    axes.set_yscale("log")
    each = max(1, room(results, THIN_LINES) // len(present))
    for model in present:
        place, steps, losses = results.models.index(model), runs[model].index.to_numpy(), runs[model].to_numpy()
        known = [~np.isnan(run) for run in losses.T]
        thin = [np.stack([steps[of], run[of]], axis=1) for of, run in zip(known[:each], losses.T, strict=False)]
        axes.add_collection(LineCollection(thin, colors=colour(place), linewidths=0.7, alpha=0.3))
        low, middle, high = np.nanquantile(losses, [0.25, 0.5, 0.75], axis=1)
        axes.fill_between(steps, low, high, color=colour(place), alpha=0.14, linewidth=0)
        axes.plot(steps, middle, **line_style(place, model))
    lines = reference_lines(results, task)
    least = float(data["valid_loss"].min()) / FAR
    near = [value for ends in lines.values() for value in ends if value >= least]
    axes.update_datalim([(0, value) for value in near], updatex=False)
    axes.autoscale_view()
    across(axes, lines)
    log_ticks(axes.yaxis)
    axes.set_xlabel("optimiser steps")
    axes.set_ylabel("validation loss (log)")
    _count_axis(axes)
    axes.set_xlim(data["step"].min(), max(data["step"].max(), 1.0))
    ends = {model: float(runs[model].ffill().iloc[-1].median()) for model in present}
    finding = told([f"{model} {number(ends[model])}" for model in present])
    return f"Learning curves on {task}. Median validation loss at the end: {finding}."


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
