"""What size gives and what it costs."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes

from bench.analysis.labels import brief
from bench.analysis.ladders import ladders
from bench.analysis.result_rows import stopped_early
from bench.analysis.results import Results
from bench.analysis.search_trials import trials
from bench.analysis.timing_conditions import explained
from bench.report.document import Block, Gallery, Section, Text
from bench.report.figures import cost as cost_figures
from bench.report.figures import scaling as scaling_figures
from bench.report.figures.axes import height, picture
from bench.report.figures.difficulty import score_against_parameter
from bench.report.picture import Picture
from bench.report.sections.layout import Draw, by_match, each_task, named_tasks


def scaling_section(results: Results) -> Section:
    """What size gives and costs."""
    ladder_caption = (
        "Score on test data against the one number in which these tasks differ: mean over replicates and its 95 % "
        "t-interval. Where a line falls, the model breaks."
    )
    heat = (
        "Hidden size × layers: the lowest validation loss that any trial of the search reached there, and the number "
        "of trials n. Darker is lower; the frame marks each model's best. Learning rates differ between trials."
    )
    if stopped_early(results.trainings).any():
        heat = heat.replace("any trial of the search", "any trial of the search that was trained to the end")
        heat = heat.replace("the number of trials n", "the number n of such trials")
    front = (
        "Test loss against parameters, a point a model in each comparison: the geometric mean loss over all "
        "replicates, and the median of their parameters. The dashed line is the Pareto front (points ringed dark): "
        "nothing else is both smaller and better, as far as these estimates go. Hollow points belong to the "
        "experiment's other comparisons. Lower left is better."
    )
    bars = "Trainable parameters (the median over replicates), recurrent layers and head together."
    times = (
        "Median time of one optimiser step (forward, backward, update), measured alone on the machine; the thin line "
        "is the interquartile range. The kernel that ran is named: another one can reverse the order."
    ) + explained(results.timings)
    grown = "The same time against hidden size, for all sizes that this experiment timed."
    untimed = (
        "Step times were not measured: this experiment has no time stage yet. Wall times of trainings are recorded, "
        "but they ran beside each other and are not compared."
    )

    def maps(match: str) -> list[Picture]:
        found = []
        for t, task in enumerate(results.tasks):
            table = trials(results, match, task)
            rows = len(table[["model", "num_layers"]].drop_duplicates())
            if rows:
                draw = _of(scaling_figures.search_map, results, match, task)
                name = f"search-{results.matches.index(match) + 1}-{t + 1}"
                found.append(picture(name, brief(task), draw, 0.8 + 0.4 * rows))
        return found

    def make(match: str) -> list[Block]:
        place = results.matches.index(match) + 1
        harder = [
            picture(
                f"harder-{place}-{n}",
                ladder.kind,
                _of(score_against_parameter, results, match, ladder.steps[0][1]),
                2.9,
            )
            for n, ladder in enumerate(ladders(results), start=1)
        ]
        blocks: list[Block] = [Gallery(harder, ladder_caption)] if harder else []
        blocks += [Gallery(found, heat)] if (found := maps(match)) else []
        drawn = [
            picture(
                f"pareto-{name}", brief(task), _of(scaling_figures.loss_against_parameters, results, match, task), 2.9
            )
            for task, name in named_tasks(results, match)
            if _several_sizes(results, task)
        ]
        blocks += [Gallery(drawn, front)] if drawn else []
        sizes = each_task(results, match, "parameters", cost_figures.parameters, lambda n: height(n, 0.32))
        blocks += [Gallery(sizes, bars)] if sizes else []
        timed = results.timings[(results.timings["match"] == match) & results.timings["step_seconds"].notna()]
        if len(timed):
            pictures = each_task(results, match, "step-time", cost_figures.step_times, lambda n: height(n, 0.32))
            blocks.append(Gallery(pictures, times))
        elif sizes:
            blocks.append(Text(untimed))
        return blocks

    blocks = by_match(results, make)
    if (results.timings.groupby(["task", "model"])["hidden_size"].nunique() > 1).any():
        pictures = [
            picture(f"time-size-{t + 1}", brief(task), _timed(results, task), 2.7)
            for t, task in enumerate(results.tasks)
            if (results.timings["task"] == task).any()
        ]
        blocks.append(Gallery(pictures, grown))
    return Section("scaling", "Scaling and cost", blocks)


def _several_sizes(results: Results, task: str) -> bool:
    """Whether a model has several points: one point a model says no more than its loss and its parameters do."""
    sizes = {(point.model, point.size) for point in scaling_figures.sizes_and_losses(results, task)}
    return len(sizes) > len({model for model, _ in sizes})


def _of(draw: Draw, results: Results, match: str, task: str) -> Callable[[Axes], str]:
    return lambda axes: draw(axes, results, match, task)


def _timed(results: Results, task: str) -> Callable[[Axes], str]:
    return lambda axes: scaling_figures.step_time_against_size(axes, results, task)
