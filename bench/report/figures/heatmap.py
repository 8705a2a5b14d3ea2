"""A matrix of coloured cells with words on them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from bench.report.figures.svg import PAPER

Palette = Literal["low is dark", "from half"]
WORDS_TURN = 0.2  # luminance of a cell (WCAG 2.1) above which dark words have the better contrast


def heatmap(
    axes: Axes,
    values: np.ndarray,
    notes: np.ndarray,
    palette: Palette,
    bounds: tuple[float, float] | None = None,
) -> None:
    """Cells `(rows, columns)` from the top left; NaN is left out. notes: a text a cell; bounds: of the colour scale,
    by default the lowest and the highest value."""
    import seaborn as sns  # half a second with what it imports, which no other figure needs
    from seaborn.utils import relative_luminance

    if palette == "low is dark":
        colours = sns.color_palette("crest_r", as_cmap=True)
    else:
        colours = sns.diverging_palette(28, 245, s=75, l=62, sep=10, as_cmap=True)
    low, high = bounds or (None, None)
    look: dict[str, Any] = {"cmap": colours, "vmin": low, "vmax": high, "cbar": False}
    words: dict[str, Any] = {"annot": notes, "fmt": "", "annot_kws": {"fontsize": 8, "linespacing": 1.15}}
    lines: dict[str, Any] = {"linewidths": 1.5, "linecolor": PAPER}
    sns.heatmap(values, ax=axes, mask=np.isnan(values), xticklabels=False, yticklabels=False, **look, **words, **lines)
    # seaborn takes white words up to a luminance of 0.41, where dark ones have the better contrast from 0.2 on
    (mesh,) = axes.collections
    for word, value in zip(axes.texts, values[~np.isnan(values)], strict=True):
        dark = relative_luminance(mesh.to_rgba(value)) <= WORDS_TURN
        word.set_color("#ffffff" if dark else "#262626")
    axes.tick_params(length=0)
