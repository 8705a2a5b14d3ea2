"""The room around a figure's axes: as much as their texts and the legend need, measured once.

matplotlib's constrained layout does the same with a solver, and measures every text twice before it is drawn: half of
the time in which a figure was drawn. Axes in one row need no solver.
"""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from bench.report.figures.svg import Renderer

DOTS_PER_INCH = 72  # of SVG: a point is a unit
PAD = 0.042 * DOTS_PER_INCH  # around axes with their texts, and below the legend
_RULER = Renderer(1, 1, io.StringIO())  # it only measures


def make_room(figure: Figure) -> None:
    """Place the axes of a figure, which stand in one row, so that no text leaves the figure or meets the legend.

    Ticks may depend on the length of their axis, so axes should be near their place before: `svg.style` sees to it.
    """
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    width, height = figure.bbox.width, figure.bbox.height
    top = min([height, *(legend.get_window_extent(_RULER).y0 for legend in figure.legends)])
    grid = panels[0].get_subplotspec().get_gridspec()  # type: ignore[union-attr]
    ratios: list[float] = list(np.atleast_1d(grid.get_width_ratios()))
    around = []  # left, bottom, right, top: how far texts reach out of each of the axes
    for axes in panels:
        inner, outer = axes.bbox, axes.get_tightbbox(_RULER, for_layout_only=True)
        outer = inner if outer is None else Bbox.union([inner, outer])
        around.append((inner.x0 - outer.x0, inner.y0 - outer.y0, outer.x1 - inner.x1, outer.y1 - inner.y1))
    low = PAD + max(bottom for _, bottom, _, _ in around)
    high = top - PAD - max(above for *_, above in around)
    taken = sum(2 * PAD + left + right for left, _, right, _ in around)
    left_over = max(width - taken, width / 5)  # rather a text that is cut off than axes that vanish
    at = 0.0
    for axes, (left, _, right, _), share in zip(panels, around, ratios, strict=True):
        at += PAD + left
        wide = left_over * share / sum(ratios)
        axes.set_position((at / width, low / height, wide / width, (high - low) / height))
        at += wide + right + PAD
