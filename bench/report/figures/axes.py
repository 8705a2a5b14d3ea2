"""What figures share: a model's colour and dashes, names that fit, logarithmic axes, the way out to SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.formatting import listed, shortened
from bench.analysis.results import Results
from bench.report.document import clean
from bench.report.figures.legend import legend
from bench.report.figures.margins import DOTS_PER_INCH, make_room
from bench.report.figures.svg import DASHES, MUTED, SERIES
from bench.report.figures.ticks import apart
from bench.report.picture import Picture

WIDTH = 4.5  # inches: one third of the page, or the whole of a telephone
SMALLEST = 1e-12  # of the losses on a logarithmic axis


def colour(place: int) -> str:
    """The colour of the model at this place; after the palette's end it starts again, with other dashes."""
    return SERIES[place % len(SERIES)]


def dashes(place: int) -> Any:
    """The line style of the model at this place."""
    return DASHES[(place + place // len(SERIES)) % len(DASHES)]


def line_style(place: int, model: str) -> dict[str, Any]:
    """A strong line: the colour and dashes of the model at this place, with its name for the legend."""
    return {"color": colour(place), "linestyle": dashes(place), "lw": 1.9, "label": named(model, 18)}


def named(text: str, length: int = 24) -> str:
    return shortened(clean(text).replace("\n", " "), length)


def pictured(name: str, title: str, paint: Callable[[], tuple[Figure, str]]) -> Picture:
    """A picture of what `paint` returns: a figure whose axes have got everything, and the alternative."""

    def painted() -> tuple[Figure, str]:
        figure, alt = paint()
        make_room(figure)
        return figure, clean(alt)

    return Picture(name, clean(title), painted)


def picture(name: str, title: str, draw: Callable[[Axes], str], inches: float, width: float = WIDTH) -> Picture:
    """What `draw` paints on axes of this height, under a legend of what it labelled; `draw` returns the alternative."""

    def paint() -> tuple[Figure, str]:
        figure = Figure((width, inches), DOTS_PER_INCH)
        axes = figure.subplots()
        alt = draw(axes)
        legend(figure, axes)
        return figure, alt

    return pictured(name, title, paint)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [named(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def across(axes: Axes, levels: Mapping[str, tuple[float, float]]) -> None:
    """Dotted lines at levels of a logarithmic y axis, with their names on its right, none on top of another.

    Where the lower and the higher end of a level differ, a band between them.

    Levels beyond the axis have no line, and their names stand at its end with an arrow.
    """
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    ends = {name: [math.log(end / low) / math.log(high / low) for end in level] for name, level in levels.items()}
    # the middle of what is to be seen of it
    places = {
        name: (max(first, 0.0) + min(last, 1.0)) / 2 if first <= 1 and last >= 0 else first
        for name, (first, last) in ends.items()
    }
    figure = axes.get_figure(root=True)
    inches = float(figure.get_size_inches()[1]) if figure is not None else 3.0
    gap = 10.5 / (72 * 0.75 * inches)  # the height of a line of text
    moved = apart([min(max(place, 0.0), 1.0) for place in places.values()], gap)
    right: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "center", "fontsize": 8, "color": MUTED}
    for (name, place), at in zip(places.items(), moved, strict=True):
        if 0 <= place <= 1:
            if levels[name][0] == levels[name][1]:
                axes.axhline(levels[name][0], color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
            else:
                axes.axhspan(*levels[name], color=MUTED, alpha=0.16, linewidth=0, zorder=0, label="_band")
        axes.text(1.015, at, named(name, 16) + ("" if 0 <= place <= 1 else " ↓" if place < 0 else " ↑"), **right)


def say(axes: Axes, text: str) -> str:
    """Axes that have nothing to show say why; returns the text."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)
    return text


def height(rows: int, each: float = 0.3) -> float:
    return 0.75 + each * max(rows, 2)


def room(results: Results, limits: tuple[int, int]) -> int:
    """How many marks of a kind one figure may have, given the most for one and the most for a page."""
    return min(limits[0], limits[1] // max(len(results.tasks) * len(results.matches), 1))


def told(parts: list[str]) -> str:
    """What is found for each model, in a sentence; the first twelve of many."""
    return listed(parts if len(parts) <= 12 else [*parts[:12], f"{len(parts) - 12} more"])


MARKERS = "osD^vPX*"
