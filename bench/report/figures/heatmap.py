"""A matrix of coloured cells with words on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from bench.report.figures.svg import PAPER

Palette = Literal["low is dark", "from half"]
# From dark blue to pale green, and from orange over grey to blue: they differ for all kinds of colour vision.
_COLOURS = {
    "low is dark": ("#2c3172", "#1e5e87", "#34858d", "#62ab90", "#a5cd90"),
    "from half": ("#df7b4a", "#e9b9a1", "#f2f2f2", "#a5c7e7", "#559bdc"),
}
_DARK, _PALE = "#262626", "#ffffff"  # words on pale and on dark cells, whatever the page
WORDS_TURN = 0.2  # luminance above which dark words have the better contrast


def heatmap(
    axes: Axes,
    values: np.ndarray,
    notes: np.ndarray,
    palette: Palette,
    bounds: tuple[float, float] | None = None,
) -> None:
    """Cells `(rows, columns)` from the top left; NaN is left out. notes: a text a cell; bounds: of the colour scale,
    by default the lowest and the highest value."""
    colours = LinearSegmentedColormap.from_list(palette, _COLOURS[palette])
    low, high = bounds or (None, None)
    mesh = axes.pcolormesh(values, cmap=colours, vmin=low, vmax=high, edgecolors=PAPER, linewidth=1.5)
    words: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8, "linespacing": 1.15}
    for row, column in zip(*np.nonzero(~np.isnan(values)), strict=True):
        dark = _luminance(mesh.to_rgba(values[row, column])) <= WORDS_TURN
        axes.text(column + 0.5, row + 0.5, str(notes[row, column]), color=_PALE if dark else _DARK, **words)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _luminance(colour: Sequence[float] | np.ndarray) -> float:
    """Relative luminance of an sRGB colour `(3 or 4,)`, from 0 to 1 (WCAG 2.1)."""
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
