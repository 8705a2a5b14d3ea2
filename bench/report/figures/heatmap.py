"""A matrix of coloured cells with words on them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from bench.report.figures.svg import PAPER

Palette = Literal["low is dark", "from half"]


def heatmap(
    axes: Axes,
    values: np.ndarray,
    notes: np.ndarray,
    palette: Palette,
    bounds: tuple[float, float] | tuple[None, None] = (None, None),
) -> None:
    """Cells `(rows, columns)` from the top left; NaN is left out. notes: a text a cell; bounds: of the colour scale."""
    import seaborn as sns  # half a second with what it imports, which no other figure needs

    if palette == "low is dark":
        colours = sns.color_palette("crest_r", as_cmap=True)
    else:
        colours = sns.diverging_palette(28, 245, s=75, l=62, sep=10, as_cmap=True)
    look: dict[str, Any] = {"cmap": colours, "vmin": bounds[0], "vmax": bounds[1], "cbar": False}
    words: dict[str, Any] = {"annot": notes, "fmt": "", "annot_kws": {"fontsize": 8, "linespacing": 1.15}}
    lines: dict[str, Any] = {"linewidths": 1.5, "linecolor": PAPER}
    sns.heatmap(values, ax=axes, mask=np.isnan(values), xticklabels=False, yticklabels=False, **look, **words, **lines)
    axes.tick_params(length=0)
