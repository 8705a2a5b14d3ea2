"""The room around a figure's axes: as much as their texts and the legend need, measured once.

matplotlib's constrained layout does the same with a solver, and measures every text twice before it is drawn: half of
the time in which a figure was drawn. Axes in one row need no solver, and the labels of axes get their places here,
where ticks are measured, rather than once more when they are drawn.
"""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox, offset_copy

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
    top = min([height, *(text.get_window_extent(_RULER).y0 for text in figure.texts)])  # of the legend
    grid = panels[0].get_subplotspec().get_gridspec()  # type: ignore[union-attr]
    ratios: list[float] = list(np.atleast_1d(grid.get_width_ratios()))
    around = []  # left, bottom, right, top: how far texts reach out of each of the axes
    for axes in panels:
        inner, outer = axes.bbox, _with_texts(axes)
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


def _with_texts(axes: Axes) -> Bbox:
    """The room of axes and all of their texts."""
    boxes = [axes.bbox, *(text.get_window_extent(_RULER) for text in axes.texts)]
    boxes += [box for child in axes.child_axes if (box := child.get_tightbbox(_RULER, for_layout_only=True))]
    for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
        boxes += _axis_boxes(axes, axis)
    return Bbox.union(boxes)


def _axis_boxes(axes: Axes, axis: Axis) -> list[Bbox]:
    """The room of an axis's tick labels, and of its label, which gets a place next to them, below or on the left."""
    label, inner = axis.label, axes.bbox
    axis.set_label_coords(0.5, 0.5)  # a place, so that none is looked for
    label.set_visible(False)
    ticks = axis.get_tightbbox(_RULER, for_layout_only=True) or inner
    label.set_visible(True)
    if not label.get_text():
        return [ticks]
    below, beside = max(0.0, inner.y0 - ticks.y0) + axis.labelpad, max(0.0, inner.x0 - ticks.x0) + axis.labelpad
    figure = axes.get_figure(root=True)
    if axis is axes.xaxis:
        axis.set_label_coords(0.5, 0.0, offset_copy(axes.transAxes, figure, y=-below, units="points"))
    else:
        axis.set_label_coords(0.0, 0.5, offset_copy(axes.transAxes, figure, x=-beside, units="points"))
    box = label.get_window_extent(_RULER)
    centre = inner.x0 + inner.width / 2, inner.y0 + inner.height / 2
    # A label that is longer than its axis makes no room along it.
    along = Bbox.from_extents(centre[0], box.y0, centre[0], box.y1)
    across = Bbox.from_extents(box.x0, centre[1], box.x1, centre[1])
    return [ticks, along if axis is axes.xaxis else across]
