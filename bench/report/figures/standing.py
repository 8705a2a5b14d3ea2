"""Where models and references stand: test losses on one axis, with intervals, groups and the limit that noise sets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bench.analysis.formatting import counted, number
from bench.analysis.results import Results
from bench.analysis.standing import Standing
from bench.report.figures.axes import SMALLEST, colour, named, room, say, told
from bench.report.figures.svg import INK, MUTED, PAPER
from bench.report.figures.ticks import log_ticks

SEED_DOTS = (400, 2400)  # in one figure, and in all figures of a page
FAR = 1e3  # a reference that is better than every model by this factor or more stands at the edge, with an arrow


def rows_of(results: Results, match: str, task: str) -> list[Standing]:
    """Models and references from the lowest loss to the highest; models without any come last, limits are no rows."""
    every = [each for each in results.conclusions.standings[match, task] if each.kind != "limit"]
    return sorted(every, key=lambda each: (math.isnan(each.loss), each.loss))


def standing(axes: Axes, results: Results, match: str, task: str) -> str:
    """Geometric mean test loss with its 95 % t-interval, a row each; dots are replicates, letters are groups."""
    rows = rows_of(results, match, task)
    limit = next((each for each in results.conclusions.standings[match, task] if each.kind == "limit"), None)
    drawn = [each for each in rows if not math.isnan(each.loss)]
    if not drawn:
        return say(axes, f"Test loss on {task}: there are no results.")
    nets = [each.loss for each in drawn if each.kind == "model"]
    least = max(min(nets, default=0.0) / FAR, SMALLEST)
    near = [each for each in drawn if each.loss >= least]
    shown = [loss for each in near for loss in (each.loss, *each.values)] or [least]
    shown += [limit.loss] if limit is not None else []
    far = len(near) < len(drawn)
    low, high = max(min(shown), SMALLEST) / (3 if far else 1), max(*shown, 2 * SMALLEST)
    margin = (high / low) ** 0.05 * 1.05
    axes.set_xscale("log")
    axes.set_xlim(low / margin, high * margin)
    most = max(1, room(results, SEED_DOTS) // max(len(rows), 1))
    for row, each in enumerate(rows):
        _row(axes, row, each, results, low, most)
    if limit is not None:
        axes.axvline(limit.loss, color=INK, linewidth=1.0, linestyle=(0, (2, 2)))
        above: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "va": "bottom", "fontsize": 8, "color": MUTED}
        left = math.log(limit.loss / low) < 0.5 * math.log(high / low)
        axes.text(limit.loss, 1.01, f"{named(limit.name, 20)} (limit)", ha="left" if left else "right", **above)
    _name(axes, rows)
    log_ticks(axes.xaxis)
    axes.set_xlabel("test loss (log)")
    said = [_said(each) for each in rows]
    bound = f" The limit is {number(limit.loss)} ({limit.name})." if limit is not None else ""
    return f"Test loss on {task}, geometric mean: {told(said)}.{bound}"


def _row(axes: Axes, row: int, each: Standing, results: Results, low: float, most: int) -> None:
    is_model = each.kind == "model"
    paint = colour(results.models.index(each.name)) if is_model else MUTED
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "color": MUTED, "fontsize": 8.5}
    if math.isnan(each.loss):
        axes.text(0.98, row, "every training failed", ha="right", **beside)
        return
    if each.loss < low:
        axes.plot([0.012], [row], "<", transform=axes.get_yaxis_transform(), ms=6, color=paint)
        axes.text(0.05, row, number(each.loss), **beside)
        return
    if is_model:
        values = np.clip(each.values[:most], low, None)
        axes.plot(values, [row + 0.2] * len(values), "o", ms=3.2, color=paint, alpha=0.45, mew=0)
    if each.low < each.high:
        axes.plot([each.low, each.high], [row] * 2, color=paint, lw=2.4 if is_model else 1.6)
    marker: dict[str, Any] = {"marker": "D" if is_model else "s", "ms": 5.5 if is_model else 5, "mew": 0.9}
    axes.plot([max(each.loss, low)], [row], color=paint, mec=PAPER, **marker)


def _name(axes: Axes, rows: list[Standing]) -> None:
    """Names on the left, references in grey and italics; on the right the letters of groups."""
    axes.set_yticks(range(len(rows)), [named(each.name, 18) for each in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    for label, each in zip(axes.get_yticklabels(), rows, strict=True):
        if each.kind != "model":
            label.set(color=MUTED, style="italic")
    right: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "left", "va": "center"}
    for row, each in enumerate(rows):
        if each.letters:
            axes.text(1.02, row, each.letters, fontsize=9.5, fontweight="bold", color=INK, **right)


def _said(each: Standing) -> str:
    if math.isnan(each.loss):
        return f"{each.name} failed in {counted(each.n, 'replicate')}"
    return f"{each.name} {number(each.loss)}" + (f" (group {each.letters})" if each.letters else "")
