"""Tuning curves: what a search of fewer trials would have given, so that "better" can be read at every budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.analysis.formatting import listed, number
from bench.analysis.results import Results
from bench.analysis.tuned import TuningCurve, tuning_curves
from bench.report.figures.axes import SMALLEST, WIDTH, colour, line_style, pictured
from bench.report.figures.legend import legend
from bench.report.figures.margins import DOTS_PER_INCH
from bench.report.figures.ticks import log_ticks
from bench.report.picture import Picture

CAPTION = (
    "Test loss to expect of a search with fewer trials: after each trial, that of the trial that is best on validation "
    "data so far; geometric mean over replicates, with a 95 % t interval as the band. A failed search counts as the "
    "worst loss on the task. Lines that cross mean that the better model depends on how much is searched."
)


def draw(axes: Axes, curves: Mapping[str, TuningCurve], models: Sequence[str]) -> Axes:
    """A line and its band for each model; `models` gives each its colour."""
    axes.set_yscale("log")
    shown: list[float] = []
    for model, curve in curves.items():
        place, trials = models.index(model), np.arange(1, len(curve.value) + 1)
        value, low, high = (line.clip(min=SMALLEST) for line in (curve.value, curve.low, curve.high))
        shown += value.tolist()
        if curve.replicates > 1:
            axes.fill_between(trials, low, high, color=colour(place), alpha=0.12, linewidth=0)
        axes.plot(trials, value, marker="o", ms=2.6, **line_style(place, model))
    log_ticks(axes.yaxis)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("trials")
    axes.set_ylabel("test loss (log)")
    return axes


def tuning_picture(name: str, task: str, curves: Mapping[str, TuningCurve], models: Sequence[str]) -> Picture:
    """`draw` as a picture; its text alternative says where the lines end and whether the order changes on the way."""

    def paint() -> tuple[Figure, str]:
        figure = Figure((WIDTH, 2.9), DOTS_PER_INCH)
        axes = draw(figure.subplots(), curves, models)
        legend(figure, axes)
        ends = [f"{model} {number(curve.value[-1])} after {len(curve.value)} trials" for model, curve in curves.items()]
        alt = f"Test loss on {task} against the number of trials: {listed(ends)}. {_order(curves)}".rstrip()
        return figure, alt

    return pictured(name, task, paint)


def tuning_pictures(results: Results, match: str) -> list[Picture]:
    """A figure for each task of a comparison whose replicates searched with more than one trial a model."""
    place = results.matches.index(match) + 1
    return [
        tuning_picture(f"tuning-{place}-{t + 1}", task, curves, results.models)
        for t, task in enumerate(results.tasks)
        if (curves := tuning_curves(results, match, task))
    ]


def _order(curves: Mapping[str, TuningCurve]) -> str:
    """Who leads at each number of trials."""
    if len(curves) < 2:
        return ""
    length = min(len(curve.value) for curve in curves.values())
    losses = np.array([curve.value[:length] for curve in curves.values()])  # (models, trials)
    leads = [list(curves)[i] for i in losses.argmin(axis=0)]
    changes = [(k, lead) for k, lead in enumerate(leads) if k == 0 or lead != leads[k - 1]]
    if len(changes) == 1:
        return f"{leads[0]} leads at every number of trials."
    return "Leading: " + listed([f"{lead} from {k + 1}" for k, lead in changes]) + "."
