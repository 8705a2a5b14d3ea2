"""Figures of models against each other: who improves on whom, and what share of runs is how good."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from bench.analysis import stats
from bench.analysis.formatting import listed, number, score
from bench.analysis.pooled import pooled_tasks
from bench.analysis.results import Results
from bench.analysis.selected import models_in, skills, skills_with_failures
from bench.report.figures.axes import colour, line_style, named, say, told
from bench.report.figures.heatmap import heatmap
from bench.report.figures.svg import MUTED
from bench.seeds import generator

NUMBERED = 12  # models: a larger matrix shows colours alone


def improvement(axes: Axes, results: Results, match: str, task: str | None) -> str:
    """Probability that a run of the row's model has the higher skill than one of the column's; None: over all tasks.

    On one task a dot marks a pair whose test losses differ after the correction; over all tasks, the number of
    tasks on which that is so.
    """
    tasks = pooled_tasks(results, match) if task is None else [task]
    table = results.selected
    models = models_in(table[(table["match"] == match) & table["task"].isin(tasks)], results)
    if len(models) < 2:
        return say(axes, "One model: nothing to compare it with.")
    scores = {model: skills_with_failures(results, match, model, tasks) for model in models}
    settled = {
        (pair.task, *sorted((pair.first, pair.second))): pair.settled
        for pair in results.conclusions.pairs
        if pair.match == match
    }
    grid = np.full((len(models), len(models)), math.nan)
    notes = np.full(grid.shape, "", dtype=object)
    rng = generator("report", "pairwise", match)  # for the intervals, which are not shown here
    for i, row in enumerate(models):
        for j, column in enumerate(models):
            if i == j:
                continue
            grid[i, j] = stats.probability_of_improvement(scores[row], scores[column], rng=rng, resamples=2).value
            marks = sum(settled.get((t, *sorted((row, column))), False) for t in tasks)
            mark = ("●" if marks else "") if task is not None else f"{marks} of {len(tasks)}"
            notes[i, j] = f"{score(grid[i, j], 2)}\n{mark}".strip() if np.isfinite(grid[i, j]) else ""
    heatmap(axes, grid, notes if len(models) <= NUMBERED else np.full(grid.shape, ""), "from half", (0, 1))
    names = [named(model, 14) for model in models]
    ticks = np.arange(len(models)) + 0.5
    axes.set_xticks(ticks, names, rotation=0 if len(models) <= 4 else 40, ha="center" if len(models) <= 4 else "right")
    axes.set_yticks(ticks, names, rotation=0)
    axes.set_xlabel("better than …")
    where = "over all tasks" if task is None else f"on {task}"
    return f"Probability of improvement {where}: {_strongest(models, grid)}."


def _strongest(models: list[str], grid: np.ndarray) -> str:
    """The models in the order of their mean probability to be better, as a sentence."""
    known = ~np.isnan(grid)
    means = np.where(known, grid, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    order = np.argsort(-means, kind="stable")[:8]
    return listed([f"{models[i]} is better than another model with {score(means[i], 2)} on average" for i in order])


def profile(axes: Axes, results: Results, match: str) -> str:
    """Share of runs with a skill above each threshold, every task weighted alike, with a 95 % bootstrap band.

    A run that failed is above nothing, so a line that starts below 1 shows how many are missing.
    """
    tasks = pooled_tasks(results, match)
    models = models_in(results.selected[results.selected["match"] == match], results)
    if not models:
        return say(axes, "Performance profile: there are no results.")
    levels = np.round(np.linspace(-0.5, 1, 76), 4)
    said = []
    for model in models:
        place, scores = results.models.index(model), skills(results, match, model, tasks)
        rng = generator("report", "profile", match, place)
        found = stats.performance_profile(scores, levels, rng=rng, resamples=1000 if len(models) <= 8 else 2)
        if len(models) <= 8:
            axes.fill_between(levels, found.low, found.high, color=colour(place), alpha=0.12, linewidth=0)
        axes.plot(levels, found.share, **line_style(place, model))
        failed = sum(int(np.isnan(runs).sum()) for runs in scores)
        below = sum(int((runs < levels[0]).sum()) for runs in scores)
        notes = [f"{failed} failed"] * bool(failed) + [f"{below} off the left edge"] * bool(below)
        above = number(100 * found.share[np.searchsorted(levels, 0.5)], 2)
        said.append(f"{model} {above} %{f' ({listed(notes)})' if notes else ''}")
    axes.axvline(0, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    axes.set_xlim(levels[0], 1)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks([-0.5, 0, 0.5, 1], ["−0.5", "0: naive", "0.5", "1: perfect"])
    axes.set_yticks([0, 0.5, 1], ["none", "half", "all"])
    axes.set_xlabel("skill")
    axes.set_ylabel("runs above it")
    return f"Performance profile. Runs with a skill above 0.5: {told(said)}."
