"""Every figure of the report as one call for a notebook: each draws on axes and returns them.

>>> from bench.report import plots                       # doctest: +SKIP
>>> results = bench.load("gru-lstm-quick")               # doctest: +SKIP
>>> plots.learning_curves(results, "sine")               # doctest: +SKIP

task: a label of `results.tasks` (the first, where none is given); match: one of `results.matches`, likewise. axes:
where to draw; without them a figure of its own is made.
"""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes

from bench.analysis.forecasts import forecasts as forecasts_of
from bench.analysis.formatting import counted
from bench.analysis.gradient_tables import flow_table
from bench.analysis.results import Results
from bench.analysis.search_trials import SETTINGS, trials
from bench.analysis.tuned import tuning_curves
from bench.records.predictions import load_predictions
from bench.records.schema import label
from bench.report.figures import cost as cost_figures
from bench.report.figures import difficulty as difficulty_figures
from bench.report.figures import forecast as forecast_figure
from bench.report.figures import gradient as gradient_figure
from bench.report.figures import learning as figures
from bench.report.figures import pairwise as pairwise_figures
from bench.report.figures import scaling as scaling_figures
from bench.report.figures import search as search_figures
from bench.report.figures import standing as standing_figures
from bench.report.figures import tuning as tuning_figures
from bench.report.figures.axes import WIDTH
from bench.report.figures.prediction import against_truth
from bench.report.figures.svg import style
from tasks.errors import UserError, unknown


def learning_curves(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Validation loss against steps: replicates, median, middle half."""
    return _drawn(figures.curves, results, task, match, axes)


def final_losses(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Test loss of models and references: geometric mean with its 95 % t-interval, replicates, and groups."""
    return _drawn(standing_figures.standing, results, task, match, axes)


def solved_seeds(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Share of replicates that reached the target by each step."""
    return _drawn(figures.solved, results, task, match, axes)


def parameters(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Trainable parameters of each model's configuration."""
    return _drawn(cost_figures.parameters, results, task, match, axes)


def step_times(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Median step time with its interquartile range and the kernel."""
    return _drawn(cost_figures.step_times, results, task, match, axes)


def search_map(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Hidden size × layers: the lowest validation loss of the search."""

    def draw(of: Axes, held: Results, chosen: str, name: str) -> str:
        _check_searched(held, chosen, name)
        return scaling_figures.search_map(of, held, chosen, name)

    return _drawn(draw, results, task, match, axes)


def loss_against_parameters(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Test loss against parameters with the Pareto front."""
    return _drawn(scaling_figures.loss_against_parameters, results, task, match, axes)


def step_time_against_size(results: Results, task: str | None = None, *, axes: Axes | None = None) -> Axes:
    """Step time against hidden size."""

    def draw(of: Axes, held: Results, _: str, name: str) -> str:
        return scaling_figures.step_time_against_size(of, held, name)

    return _drawn(draw, results, task, None, axes)


def score_against_parameter(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Score against the one number in which at least three tasks differ, such as copy's delay."""
    return _drawn(difficulty_figures.score_against_parameter, results, task, match, axes)


def improvement(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Probability of improvement of each model on each other, on one task."""
    return _drawn(pairwise_figures.improvement, results, task, match, axes)


def performance_profile(results: Results, match: str | None = None, *, axes: Axes | None = None) -> Axes:
    """Share of runs above each skill, over all tasks."""

    def draw(of: Axes, held: Results, chosen: str, _: str) -> str:
        return pairwise_figures.profile(of, held, chosen)

    return _drawn(draw, results, None, match, axes)


def search_slice(
    results: Results,
    task: str | None = None,
    match: str | None = None,
    *,
    setting: str = "learning_rate",
    axes: Axes | None = None,
) -> Axes:
    """Validation loss of every trial against one setting: learning_rate, hidden_size, num_layers or init."""
    if setting not in SETTINGS:
        raise unknown("setting", setting, SETTINGS)

    def draw(of: Axes, held: Results, chosen: str, name: str) -> str:
        _check_searched(held, chosen, name)
        return search_figures.slices(of, held, chosen, name, setting)

    return _drawn(draw, results, task, match, axes)


def tuning_curve(
    results: Results, task: str | None = None, match: str | None = None, *, axes: Axes | None = None
) -> Axes:
    """Test loss to expect of a search against its number of trials, where each replicate searched for itself."""

    def draw(of: Axes, held: Results, chosen: str, name: str) -> str:
        curves = tuning_curves(held, chosen, name)
        if not curves:
            raise UserError(
                f"'{held.name}' has no tuning curve on {name}: it needs replicates that searched for themselves, with "
                "two trials or more, and without --prune"
            )
        tuning_figures.draw(of, curves, held.models)
        return ""

    return _drawn(draw, results, task, match, axes)


def gradient_flow(
    results: Results,
    task: str | None = None,
    match: str | None = None,
    *,
    trained: bool = True,
    axes: Axes | None = None,
) -> Axes:
    """What is left of the gradient so many steps back, of trained models or at each cell's default weights."""

    def draw(of: Axes, held: Results, chosen: str, name: str) -> str:
        table = flow_table(held.records)
        table = table[(table["match"] == chosen) & (table["task"] == name)]
        table = table[table["state"] == "trained"] if trained else table[table["init"] == "default"]
        table = table if trained else table[table["state"] == "initial"]
        if not len(table):
            raise UserError(f"'{held.name}' has no gradient-flow probe on {name}")
        gradient_figure.draw(of, table, held.models, "model" if trained else "cell")
        return ""

    return _drawn(draw, results, task, match, axes)


def prediction(
    results: Results, task: str | None = None, match: str | None = None, *, model: str = "", axes: Axes | None = None
) -> Axes:
    """Prediction against truth of the first selected training of `model` (the first, where none is given)."""

    def draw(of: Axes, held: Results, chosen: str, name: str) -> str:
        wanted = model or held.models[0]
        if wanted not in held.models:
            raise unknown("model", wanted, held.models)
        for record in held.records:
            place = (record.get("match"), label(record.get("task")), label(record.get("model")))
            if place == (chosen, name, wanted) and held.folder is not None:
                found = load_predictions(held.folder, str(record.get("key")))
                if found is not None:
                    return against_truth(of, found, held.models.index(wanted))
        raise UserError(f"'{held.name}' has kept no predictions of {wanted} on {name}")

    return _drawn(draw, results, task, match, axes)


def forecasts(
    results: Results, task: str | None = None, match: str | None = None, *, output: int = 0, axes: Axes | None = None
) -> Axes:
    """Truth, models and predictors without a net over the dates of a series' test stretch. output: which column."""

    def draw(of: Axes, held: Results, chosen: str, name: str) -> str:
        found = forecasts_of(held, chosen, name)
        if not found:
            raise UserError(f"'{held.name}' has kept no forecasts of a series on {name}")
        if not 0 <= output < len(found):
            raise UserError(f"output is {output}: {name} predicts {counted(len(found), 'column')}, from 0 on")
        return forecast_figure.draw(of, found[output], held)

    return _drawn(draw, results, task, match, axes)


def _check_searched(results: Results, match: str, task: str) -> None:
    if trials(results, match, task).empty:
        raise UserError(f"'{results.name}' has no trial on {task} that was trained to the end")


def _drawn(
    draw: Callable[[Axes, Results, str, str], str],
    results: Results,
    task: str | None,
    match: str | None,
    axes: Axes | None,
) -> Axes:
    for what, wanted, valid in (("task", task, results.tasks), ("comparison", match, results.matches)):
        if not valid:
            raise UserError(f"'{results.name}' has no trainings yet, so there is nothing to draw")
        if wanted is not None and wanted not in valid:
            raise unknown(what, wanted, valid)
    with style():
        if axes is None:
            from matplotlib import pyplot  # only here: notebooks show the figures that pyplot made

            _, axes = pyplot.subplots(figsize=(WIDTH * 1.4, 4.2), layout="constrained")
        draw(axes, results, match or results.matches[0], task or results.tasks[0])
        if axes.get_legend_handles_labels()[1]:
            axes.legend()
    return axes
