"""The gradient flow as a figure: what is left of a gradient after so many steps back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.analysis.formatting import listed, number
from bench.report.figures.axes import WIDTH, colour, dashes, named, pictured
from bench.report.figures.legend import legend
from bench.report.figures.margins import DOTS_PER_INCH
from bench.report.figures.svg import MUTED
from bench.report.figures.ticks import log_ticks
from bench.report.picture import Picture
from tasks.contract import Array

if TYPE_CHECKING:
    import pandas as pd

LOWEST = 1e-12  # of the share shown: below it nothing is left that float32 could learn from


def draw(axes: Axes, table: pd.DataFrame, lines: Sequence[str], by: str) -> Axes:
    """Norm of the gradient, as a multiple of its value at lag 1, against lag, on a logarithmic axis.

    table: rows of `gradient_tables.flow_table` of one task and one state; a line for each value of column `by`
    ("model", "init", …) in the order of `lines`, which gives each its colour. A line that falls vanishes, one that
    rises above 1 explodes.
    """
    axes.set_yscale("log")
    norms = _norms(table, by)
    for place, line in enumerate(lines):
        lags, values = norms.get(line, (np.empty(0), np.empty(0)))
        if not len(values) or not values[0] > 0:
            continue
        share = np.clip(values / values[0], LOWEST / 10, None)
        axes.plot(lags, share, color=colour(place), linestyle=dashes(place), lw=1.7, label=named(line, 18))
    axes.axhline(1.0, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    least = min((float(np.min(np.asarray(line.get_ydata()))) for line in axes.lines), default=1.0)
    axes.set_ylim(bottom=max(LOWEST, min(0.1, least / 2)))  # no more than there is
    log_ticks(axes.yaxis)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("steps back from the answer")
    axes.set_ylabel("gradient left (log)")
    axes.margins(x=0)
    return axes


def gradient_flow(name: str, title: str, table: pd.DataFrame, lines: Sequence[str], by: str) -> Picture:
    """`draw` as a picture under a title; its text alternative gives each line's factor a step."""
    shown = [line for line in lines if (table[by] == line).any()]

    def paint() -> tuple[Figure, str]:
        figure = Figure((WIDTH, 2.9), DOTS_PER_INCH)
        axes = draw(figure.subplots(), table, shown, by)
        legend(figure, axes)
        norms = _norms(table, by)
        said = [f"{line} {_per_step(norms[line][1])}" for line in shown]
        how = f"A step further back multiplies its norm by {listed(said)}."
        alt = f"Gradient of the loss by the hidden state, {title}. {how}"
        return figure, alt

    return pictured(name, title, paint)


def _norms(table: pd.DataFrame, by: str) -> dict[str, tuple[Array, Array]]:
    """For each value of column `by` its lags from 1 on, and the norms there: both `(lags,)`."""
    groups = table[[by, "lag", "hidden_norm"]].sort_values("lag", kind="stable").groupby(by, sort=False)
    found = {}
    for line, rows in groups:
        lags = rows["lag"].to_numpy(float)
        found[str(line)] = lags[lags >= 1], rows["hidden_norm"].to_numpy(float)[lags >= 1]
    return found


def _per_step(values: Array) -> str:
    """What one step further back multiplies `(lags,)` norms by, in words."""
    if len(values) < 2 or not (values > 0).all():
        return "an unknown factor"
    found = float((values[-1] / values[0]) ** (1 / (len(values) - 1)))
    return f"{number(found, 2)} ({'vanishes' if found < 0.99 else 'explodes' if found > 1.01 else 'stays'})"
