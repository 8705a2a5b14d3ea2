"""A matrix of coloured cells with words on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Colormap

from bench.report.figures.svg import PAPER

LOW_IS_DARK: Colormap = sns.color_palette("crest_r", as_cmap=True)
FROM_HALF: Colormap = sns.diverging_palette(28, 245, s=75, l=62, sep=10, as_cmap=True)


def heatmap(
    axes: Axes,
    values: np.ndarray,
    notes: np.ndarray,
    colours: Colormap,
    bounds: tuple[float, float] | tuple[None, None] = (None, None),
) -> None:
    """Cells `(rows, columns)` from the top left; NaN is left out. notes: a text a cell; bounds: of the colour scale."""
    look: dict[str, Any] = {"cmap": colours, "vmin": bounds[0], "vmax": bounds[1], "cbar": False}
    words: dict[str, Any] = {"annot": notes, "fmt": "", "annot_kws": {"fontsize": 8, "linespacing": 1.15}}
    lines: dict[str, Any] = {"linewidths": 1.5, "linecolor": PAPER}
    sns.heatmap(values, ax=axes, mask=np.isnan(values), xticklabels=False, yticklabels=False, **look, **words, **lines)
    axes.tick_params(length=0)
