"""The legend above a figure's axes.

matplotlib's own legend is made of boxes within boxes, each measured again for every box around it: a tenth of the time
in which a page was drawn. Lines and texts in columns need none.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.transforms import Affine2D

from bench.report.figures.svg import Renderer

ROW = 13.7  # points: the height of an entry
KEY, BEFORE_TEXT, BETWEEN, MARGIN = 20.0, 6.0, 12.0, 4.0  # points
_RULER = Renderer(1, 1, io.StringIO())  # it only measures


def legend(figure: Figure, axes: Axes) -> None:
    """Name what was labelled on some axes, in columns at the top of the figure, which grows by the rows they need."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if not handles:
        return
    shown = list(handles)
    rows = -(-len(shown) // legend_columns(shown))
    width, inches = figure.get_size_inches()
    points = Affine2D().scale(1 / 72) + figure.dpi_scale_trans
    figure.set_size_inches(width, inches + ROW * rows / 72)
    left, top = MARGIN, 72 * inches + ROW * rows - MARGIN
    for first in range(0, len(shown), rows):
        widths = []
        for row, label in enumerate(shown[first : first + rows]):
            y = top - ROW * (row + 0.5)
            key = _key(handles[label], left, y)
            key.set_transform(points)
            figure.add_artist(key)
            text = figure.text(left + KEY + BEFORE_TEXT, y, label, va="center_baseline", transform=points)
            widths.append(text.get_window_extent(_RULER).width)
        left += KEY + BEFORE_TEXT + max(widths) + BETWEEN


def legend_columns(names: Sequence[str]) -> int:
    """Legend entries that fit side by side."""
    return max(1, min(len(names), 52 // (max(map(len, names), default=0) + 5)) if names else 1)


def _key(handle: Artist | BarContainer, left: float, y: float) -> Artist:
    """What stands before a name: a line with its marker, or the colour of bars."""
    if isinstance(handle, Line2D):
        line = Line2D([left, left + KEY / 2, left + KEY], [y] * 3)
        line.update_from(handle)
        line.set(markevery=[1], clip_on=False, drawstyle="default")
        return line
    patch = handle.patches[0] if isinstance(handle, BarContainer) else handle
    if not isinstance(patch, Patch):
        raise TypeError(f"no legend entry for {type(handle).__name__}")
    box = Rectangle((left, y - 3), KEY, 6)
    box.update_from(patch)
    box.set_clip_on(False)
    return box
