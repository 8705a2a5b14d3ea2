"""Figures of the search: validation loss of every trial against each setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.formatting import number
from bench.analysis.results import Results
from bench.analysis.search_trials import SETTINGS, trials, varied
from bench.analysis.selected import models_in
from bench.report.figures.axes import MARKERS, SMALLEST, WIDTH, colour, named, pictured, room, told
from bench.report.figures.legend import legend
from bench.report.figures.margins import DOTS_PER_INCH
from bench.report.figures.ticks import log_ticks
from bench.report.picture import Picture

if TYPE_CHECKING:
    import pandas as pd

POINTS = (400, 1600)  # trials drawn in one figure, and on a page


def shown(results: Results, match: str, task: str) -> pd.DataFrame:
    """The trials with losses that a logarithmic axis can hold."""
    table = trials(results, match, task)
    return table.assign(valid_loss=table["valid_loss"].clip(lower=SMALLEST))


def slices(axes: Axes, results: Results, match: str, task: str, setting: str) -> str:
    """Lowest validation loss of every trial against one setting; the best trial of each model is ringed."""
    table = shown(results, match, task)
    axes.set_yscale("log")
    models, said = models_in(table, results), []
    each = max(1, room(results, POINTS) // max(len(models), 1))
    values = list(dict.fromkeys(table[setting].sort_values()))
    for m, model in enumerate(models):
        place, own = results.models.index(model), table[table["model"] == model].sort_values("valid_loss")
        best = own.iloc[0]
        own = own.iloc[:: -(-len(own) // each)]  # evenly through the ranks, the best among them
        x: Any = own[setting].astype(float) if setting == "learning_rate" else own[setting].map(values.index)
        at: Any = best[setting] if setting == "learning_rate" else values.index(best[setting])
        if setting == "learning_rate":
            axes.set_xscale("log")
        else:  # side by side, so that models do not hide each other
            x, at = (value + (m - (len(models) - 1) / 2) * 0.6 / max(len(models), 1) for value in (x, at))
        look: dict[str, Any] = {"marker": MARKERS[place % len(MARKERS)], "lw": 0, "color": colour(place)}
        axes.plot(x, own["valid_loss"], ms=3.6, mew=0, alpha=0.55, label=named(model, 18), **look)
        axes.plot([at], [best["valid_loss"]], ms=8, fillstyle="none", mew=1.4, **look)
        chosen = number(best[setting]) if setting == "learning_rate" else str(best[setting])
        said.append(f"{model} {chosen}")
    if setting == "learning_rate":
        log_ticks(axes.xaxis, most=3)
    else:
        axes.set_xticks(range(len(values)), [str(value) for value in values])
        axes.set_xlim(-0.5, len(values) - 0.5)
    log_ticks(axes.yaxis)
    axes.set_xlabel(SETTINGS[setting] + (" (log)" if setting == "learning_rate" else ""))
    axes.set_ylabel("validation loss (log)")
    return f"Best {SETTINGS[setting]} of the search on {task}: {told(said)}."


def slice_picture(name: str, title: str, results: Results, match: str, task: str) -> Picture | None:
    """All settings that were varied side by side, on one scale of loss; None where nothing was."""
    settings = varied(trials(results, match, task))
    if not settings:
        return None

    def paint() -> tuple[Figure, str]:
        widths = [2.2 if setting == "learning_rate" else 1.3 for setting in settings]
        figure = Figure((WIDTH, 2.6), DOTS_PER_INCH)
        panels = figure.subplots(1, len(settings), sharey=True, squeeze=False, width_ratios=widths)[0]
        said = [slices(axes, results, match, task, setting) for axes, setting in zip(panels, settings, strict=True)]
        for axes in panels[1:]:
            axes.set_ylabel("")
        legend(figure, panels[0])
        return figure, " ".join(said)

    return pictured(name, title, paint)
