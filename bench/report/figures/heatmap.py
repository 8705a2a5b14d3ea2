"""A matrix of coloured cells with words on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from bench.report.figures.svg import PAPER

DARK, PALE = "#10131a", "#ffffff"
LOW_IS_DARK = LinearSegmentedColormap.from_list(
    "losses", ["#2c3172", "#234f81", "#1d6c8a", "#34858d", "#509e90", "#76b791", "#a5cd90"]
)
FROM_HALF = LinearSegmentedColormap.from_list("chances", ["#df7b4a", "#e9b9a1", "#f2f2f2", "#a5c7e7", "#559bdc"])


def heatmap(
    axes: Axes,
    values: np.ndarray,
    notes: Sequence[Sequence[str]] | np.ndarray,
    colours: LinearSegmentedColormap,
    bounds: tuple[float, float] | None = None,
) -> None:
    """Cells `(rows, columns)` from the top left; NaN is left out. notes: a text a cell; bounds: of the colour scale."""
    known = values[np.isfinite(values)]
    low, high = bounds or ((float(known.min()), float(known.max())) if len(known) else (0.0, 1.0))
    if not low < high:
        low, high = low - 0.5, high + 0.5
    look = {"cmap": colours, "vmin": low, "vmax": high, "edgecolors": PAPER, "linewidth": 1.5}
    axes.pcolormesh(np.ma.masked_invalid(values), **look)  # type: ignore[arg-type]
    axes.set_ylim(len(values), 0)
    for (row, column), note in np.ndenumerate(np.asarray(notes, dtype=object)):
        if note and np.isfinite(values[row, column]):
            ground = colours(float((values[row, column] - low) / (high - low)))
            ink = DARK if _luminance(ground) > 0.18 else PALE  # where the two contrast alike
            place = {"ha": "center", "va": "center", "fontsize": 8, "linespacing": 1.15}
            axes.text(column + 0.5, row + 0.5, str(note), color=ink, **place)  # type: ignore[arg-type]
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)


def _luminance(rgba: Sequence[float]) -> float:
    """Relative luminance of a colour, from WCAG 2."""
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in rgba[:3]]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
