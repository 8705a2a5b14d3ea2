"""Figures of the search: validation loss of every trial against each setting, and how much each setting explains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.confirmed import models_in
from bench.analysis.formatting import number
from bench.analysis.results import Results
from bench.report.document import Picture
from bench.report.figures.axes import MARKERS, SMALLEST, WIDTH, colour, finish, legend, log_scale, named, room, told
from bench.report.figures.svg import style

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = {"learning_rate": "learning rate", "hidden_size": "hidden size", "num_layers": "layers", "init": "init"}
POINTS = (400, 1600)  # trials drawn in one figure, and on a page
ENOUGH_TRIALS = 8  # fewer explain nothing


def trials(results: Results, match: str, task: str) -> pd.DataFrame:
    """The trials of a search that ended well."""
    table = results.trainings
    table = table[(table["stage"] == "search") & (table["match"] == match) & (table["task"] == task)]
    table = table[table["valid_loss"].notna() & (table["status"] == "ok")]
    return table.assign(valid_loss=table["valid_loss"].clip(lower=SMALLEST))


def varied(table: pd.DataFrame) -> list[str]:
    """The settings that a search tried in more than one value."""
    return [setting for setting in SETTINGS if table[setting].dropna().nunique() > 1]


def slices(axes: Axes, results: Results, match: str, task: str, setting: str) -> str:
    """Lowest validation loss of every trial against one setting; the best trial of each model is ringed."""
    table = trials(results, match, task)
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
        log_scale(axes.xaxis, list(table[setting]))
    else:
        axes.set_xticks(range(len(values)), [str(value) for value in values])
        axes.set_xlim(-0.5, len(values) - 0.5)
    log_scale(axes.yaxis, list(table["valid_loss"]))
    axes.set_xlabel(SETTINGS[setting] + (" (log)" if setting == "learning_rate" else ""))
    axes.set_ylabel("validation loss (log)")
    return f"Best {SETTINGS[setting]} of the search on {task}: {told(said)}."


def slice_picture(name: str, title: str, results: Results, match: str, task: str) -> Picture | None:
    """All settings that were varied side by side, on one scale of loss; None where nothing was."""
    settings = varied(trials(results, match, task))
    if not settings:
        return None
    with style():
        widths = [2.2 if setting == "learning_rate" else 1.3 for setting in settings]
        figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
        panels = figure.subplots(1, len(settings), sharey=True, squeeze=False, width_ratios=widths)[0]
        said = [slices(axes, results, match, task, setting) for axes, setting in zip(panels, settings, strict=True)]
        for axes in panels[1:]:
            axes.set_ylabel("")
        labels = list(dict.fromkeys(panels[0].get_legend_handles_labels()[1]))
        legend(figure, panels[0], labels)
        return finish(figure, name, title, " ".join(said))


def importance(table: pd.DataFrame) -> dict[str, float]:
    """How much of the spread of a model's trials each setting explains by itself, from 0 to 1.

    table: the trials of one model on one task. The adjusted R² of a regression of the ranks of validation loss on the
    setting alone: a parabola in the logarithm of the learning rate, a mean for each value of the others. Ranks, so that
    a trial that went wild counts once. {} with fewer than 8 trials.
    """
    found: dict[str, float] = {}
    n = len(table)
    if n < ENOUGH_TRIALS:
        return found
    ranks = table["valid_loss"].rank().to_numpy(float)
    total = float(((ranks - ranks.mean()) ** 2).sum())
    for setting in varied(table):
        if setting == "learning_rate":
            x = np.log(table[setting].to_numpy(float))
            design = np.vander((x - x.mean()) / (x.std() or 1), 3)
        else:
            values = table[setting].astype(str).to_numpy()
            design = np.stack([values == value for value in np.unique(values)], axis=1).astype(float)
        k = design.shape[1]
        if n <= k or total == 0:
            continue
        fitted = design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
        explained = 1 - float(((ranks - fitted) ** 2).sum()) / total
        found[setting] = max(0.0, 1 - (1 - explained) * (n - 1) / (n - k))
    return found
