"""Forecasts and what came, over the dates of the test stretch: truth, every model, and predictors without a net."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from bench.analysis.forecasts import Forecasts
from bench.analysis.formatting import counted, listed, number
from bench.analysis.results import Results
from bench.report.figures.axes import colour, dashes, named
from bench.report.figures.svg import INK, MUTED

SHOWN = 300  # rows, the newest: more would be a smear
GREY = ((0, (1, 1.2)), (0, (4, 2)), (0, (6, 1.5, 1, 1.5)), (0, (2, 2)))  # line styles of references


def draw(axes: Axes, found: Forecasts, results: Results) -> str:
    """Truth in ink, models in their colours, references in grey; a band where several replicates have one date."""
    first = max(0, len(found.truth) - SHOWN)
    at = _places(axes, found.times[first:], len(found.truth) - first, found.time_name)
    for i, (name, values) in enumerate(found.references.items()):
        axes.plot(
            at, values[first:], color=MUTED, lw=0.8, alpha=0.8, linestyle=GREY[i % len(GREY)], label=named(name, 18)
        )
    errors = {}
    for model, values in found.models.items():
        place, (low, middle, high) = results.models.index(model), values[first:].T
        if np.nanmax(high - low) > 0:
            axes.fill_between(at, low, high, color=colour(place), alpha=0.16, linewidth=0)
        axes.plot(at, middle, color=colour(place), lw=1.3, linestyle=dashes(place), label=named(model, 18))
        errors[model] = float(np.sqrt(np.nanmean((values[:, 1] - found.truth) ** 2)))
    points = "." if np.isnan(found.truth[first:]).any() else ""  # one between two gaps has no line
    axes.plot(at, found.truth[first:], color=INK, lw=1.5, marker=points, markersize=4, label="truth")
    axes.set_ylabel(named(found.name))
    axes.margins(x=0.01)
    said = listed([f"{model} {number(error)}" for model, error in errors.items()])
    span = f" from {found.times[0]} to {found.times[-1]}" if found.times else ""
    count = counted(int(np.isfinite(found.truth).sum()), "forecast")
    return f"{count} of {found.name}{span}. Root mean square error: {said}."


def _places(axes: Axes, times: Sequence[str], n: int, name: str) -> NDArray[np.float64]:
    """Where the rows stand on the x axis, which gets its label and ticks: numbers, dates or, without times, counts."""
    numbers = _numbers(times)
    if numbers is not None:
        axes.set_xlabel(named(name if name != "row" else "row of the file"))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        return numbers
    if times:
        axes.set_xlabel(named(name))
        # With 6 at most, no interval fits 2.5 to 3 days: they are no 3 days, and more than 5 times 12 hours.
        locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        dates = [datetime.fromisoformat(text).replace(tzinfo=None) for text in times]
        return np.asarray(date2num(dates))  # type: ignore[no-untyped-call]
    axes.set_xlabel("test forecast")
    return np.arange(n, dtype=np.float64)


def _numbers(times: Sequence[str]) -> NDArray[np.float64] | None:
    try:
        return np.array([float(text) for text in times]) if times else None
    except ValueError:
        return None
