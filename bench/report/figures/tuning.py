"""Tuning curves: what a search of fewer trials would have found, so that "better" can be read at every budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.analysis import stats
from bench.analysis.formatting import listed, number
from bench.analysis.results import Results
from bench.report.document import Picture
from bench.report.figures.axes import SMALLEST, WIDTH, colour, dashes, finish, legend, log_scale, named
from bench.report.figures.svg import style

if TYPE_CHECKING:
    import pandas as pd

CAPTION = (
    "Expected best validation loss of a search against its number of trials (after Dodge et al. 2019, without "
    "replacement): lines that cross mean that the better model depends on how much is searched. Trials of TPE learn "
    "from earlier ones, so for it the right end is what was found and the middle is a little too high."
)


def expected_best(table: pd.DataFrame, models: Sequence[str]) -> dict[str, np.ndarray]:
    """For each model the expected best after 1, 2, … trials; a trial that failed counts as one that found nothing.

    table: the search's rows of `trainings.csv` for one task and comparison, whole trainings only.
    """
    found = {}
    for model in models:
        rows = table[table["model"] == model]
        if len(rows):
            losses = rows["valid_loss"].where(rows["status"] == "ok").to_numpy(float)
            found[model] = stats.expected_best(losses)
    return found


def draw(axes: Axes, table: pd.DataFrame, models: Sequence[str]) -> Axes:
    """A line for each model; `models` gives each its colour."""
    axes.set_yscale("log")
    shown: list[float] = []
    for model, best in expected_best(table, models).items():
        place, known = models.index(model), np.flatnonzero(np.isfinite(best))
        values = best[known].clip(min=SMALLEST)
        shown += values.tolist()
        look = {"color": colour(place), "linestyle": dashes(place)}
        axes.plot(known + 1, values, lw=1.7, marker="o", ms=2.6, label=named(model, 18), **look)
    log_scale(axes.yaxis, shown)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("trials")
    axes.set_ylabel("expected best loss (log)")
    return axes


def tuning_curve(name: str, task: str, table: pd.DataFrame, models: Sequence[str]) -> Picture:
    """`draw` as a picture; its text alternative says where the lines end and whether the order changes on the way."""
    with style():
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        axes = draw(figure.subplots(), table, models)
        curves = {model: best for model, best in expected_best(table, models).items() if np.isfinite(best[-1])}
        if curves:
            legend(figure, axes, [named(model, 18) for model in curves])
        ends = [f"{model} {number(best[-1])} after {len(best)} trials" for model, best in curves.items()]
        said = f"{listed(ends)}. {_order(curves)}" if ends else "nothing was found."
        alt = f"Expected best validation loss on {task}: {said}"
        return finish(figure, name, task, alt)


def tuning_curves(results: Results, match: str) -> list[Picture]:
    """A figure for each task of a comparison whose search had more than one trial a model."""
    table, pictures = results.trainings, []
    number = results.matches.index(match) + 1
    for t, task in enumerate(results.tasks):
        rows = table[(table["stage"] == "search") & (table["match"] == match) & (table["task"] == task)]
        rows = rows[rows["steps"] == rows["steps"].max()]  # a trial that was given up early says nothing of its end
        if len(rows) and rows.groupby("model").size().max() > 1:
            pictures.append(tuning_curve(f"tuning-{number}-{t + 1}", task, rows, results.models))
    return pictures


def _order(curves: dict[str, np.ndarray]) -> str:
    """Who leads at each number of trials."""
    if len(curves) < 2:
        return ""
    length = min(map(len, curves.values()))
    known = np.array([best[:length] for best in curves.values()])  # (models, trials)
    leads = [list(curves)[i] for i in np.where(np.isfinite(known), known, np.inf).argmin(axis=0)]
    changes = [(k, lead) for k, lead in enumerate(leads) if k == 0 or lead != leads[k - 1]]
    if len(changes) == 1:
        return f"{leads[0]} leads at every number of trials."
    return "Leading: " + listed([f"{lead} from {k + 1}" for k, lead in changes]) + "."
