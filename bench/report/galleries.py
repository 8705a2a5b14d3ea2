"""The sections that are made of figures: one small figure a task, side by side, under one caption.

Where an experiment holds several comparisons (tuned, equal hidden size, …) each has its own figures, and the page
shows those of the one that is chosen.
"""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes

from bench.formatting import trimmed
from bench.report import cost_figures, figures, pairwise_figures, scaling_figures, search_figures, tuning_figures
from bench.report.axes import height, picture
from bench.report.difficulty_figures import ladders, score_against_parameter
from bench.report.document import Block, Choice, Explorer, Gallery, Picture, Section, Text
from bench.report.explorer import explorer_data
from bench.report.pairs import loss_pairs, step_pairs
from bench.report.search import search_summary
from bench.results import Results
from bench.verdicts import target_of

MATCHES = {
    "tuned": "tuned",
    "hidden": "equal hidden size",
    "params": "equal parameters",
}
Draw = Callable[[Axes, Results, str, str], str]


def match_label(match: str) -> str:
    """A comparison in words, for headings and buttons."""
    kind, _, rest = match.partition(" ")
    if kind == "params" and rest.isdigit():
        return f"{int(rest):,} parameters"
    return MATCHES.get(match, match)


def by_match(results: Results, make: Callable[[str], list[Block]]) -> list[Block]:
    """The blocks of every comparison: plain where there is one, else behind a choice."""
    options = [(match, match_label(match), blocks) for match in results.matches if (blocks := make(match))]
    if len(results.matches) == 1 or not options:
        return list(options[0][2]) if options else []
    return [Choice("match", options)]


def _names(results: Results, match: str) -> list[tuple[str, str]]:
    """Each confirmed task of a comparison with a name for its files."""
    number = results.matches.index(match) + 1
    return [(task, f"{number}-{results.tasks.index(task) + 1}") for task in pairwise_figures.tasks_in(results, match)]


def _each(results: Results, match: str, prefix: str, draw: Draw, inches: Callable[[int], float]) -> list[Picture]:
    """One picture a task; `inches` gives its height for a number of models."""

    def drawn(name: str, task: str) -> Picture:
        models = scaling_figures.confirmed_models(results, match, task)
        return picture(name, task, lambda axes: draw(axes, results, match, task), inches(len(models)))

    return [drawn(f"{prefix}-{name}", task) for task, name in _names(results, match)]


def curves_section(results: Results) -> Section:
    """What was learnt when: an explorer on the page, and a figure a task."""
    caption = (
        "Validation loss in training, on a logarithmic axis. Thin lines are seeds, the strong line is their median, "
        "the band holds the middle half of them. Dotted lines: the naive floor and other references (on test data), "
        "and the target. Lower and further left is better."
    )

    def make(match: str) -> list[Block]:
        found = _each(results, match, "curves", figures.curves, lambda _: 2.9)
        return [Gallery(found, caption)] if found else []

    data = explorer_data(results)
    blocks = by_match(results, make)
    return Section("curves", "Learning curves", [*([Explorer(data)] if data else []), *blocks] if blocks else [])


def outcome_section(results: Results) -> Section:
    """Where training ended: test loss, and solved seeds."""
    goals = [
        f"{task}: {goal.get('metric')} {goal.get('direction')} {trimmed(goal.get('threshold'), 3)}"
        for task in results.tasks
        if (goal := target_of(results, task))
    ]
    losses = (
        "Test loss: a dot is a seed, the diamond their geometric mean, the bar its 95 % t-interval. Further left is "
        "better. Bars that overlap may still differ: the verdict compares the same seeds in pairs."
    )
    solved = (
        "Share of seeds that have reached the target after so many steps; a seed that never does is never counted, so "
        f"the height at the right edge is the solve rate. Targets on validation data: {'; '.join(goals)}."
    )

    def make(match: str) -> list[Block]:
        loss = _each(results, match, "test-loss", figures.losses, lambda n: height(n) + 0.3)
        rate = _each(results, match, "solved", figures.solved, lambda _: 2.2)
        return [Gallery(loss, losses), Gallery(rate, solved), *step_pairs(results, match)] if loss else []

    return Section("outcome", "Test loss and solved seeds", by_match(results, make))


def scaling_section(results: Results) -> Section:
    """What size gives and costs."""
    ladder_caption = (
        "Score on test data against the one number in which these tasks differ: mean over seeds and its 95 % "
        "t-interval. Where a line falls, the model breaks."
    )
    heat = (
        "Hidden size × layers: the lowest validation loss that any trial of the search reached there, and the number "
        "of trials n. Darker is lower; the frame marks each model's best. Learning rates differ between trials."
    )
    front = (
        "Test loss against parameters. The dashed line is the Pareto front (points ringed dark): nothing else is both "
        "smaller and better. Hollow points belong to the experiment's other comparisons. Lower left is better."
    )
    bars = "Trainable parameters of the confirmed configuration, recurrent layers and head together."
    times = (
        "Median time of one optimiser step (forward, backward, update), measured alone on the machine; the thin line "
        "is the interquartile range. The kernel that ran is named: another one can turn the order round."
    )
    grown = "The same time against hidden size, for all sizes that this experiment timed."
    untimed = (
        "Step times were not measured: this experiment has no time stage yet. Wall times of trainings are recorded, "
        "but they ran beside each other and are not compared."
    )

    def maps(match: str) -> list[Picture]:
        found = []
        for t, task in enumerate(results.tasks):
            table = search_figures.trials(results, match, task)
            rows = len(table[["model", "num_layers"]].drop_duplicates())
            if rows:
                draw = _of(scaling_figures.search_map, results, match, task)
                name = f"search-{results.matches.index(match) + 1}-{t + 1}"
                found.append(picture(name, task, draw, 0.8 + 0.4 * rows))
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
        drawn = _each(results, match, "pareto", scaling_figures.loss_against_parameters, lambda _: 2.9)
        blocks += [Gallery(drawn, front)] if drawn else []
        sizes = _each(results, match, "parameters", cost_figures.parameters, lambda n: height(n, 0.32))
        blocks += [Gallery(sizes, bars)] if sizes else []
        timed = results.timings[(results.timings["match"] == match) & results.timings["step_seconds"].notna()]
        if len(timed):
            pictures = _each(results, match, "step-time", cost_figures.step_times, lambda n: height(n, 0.32))
            blocks.append(Gallery(pictures, times))
        elif sizes:
            blocks.append(Text(untimed))
        return blocks

    blocks = by_match(results, make)
    if (results.timings.groupby(["task", "model"])["hidden_size"].nunique() > 1).any():
        pictures = [
            picture(f"time-size-{t + 1}", task, _timed(results, task), 2.7)
            for t, task in enumerate(results.tasks)
            if (results.timings["task"] == task).any()
        ]
        blocks.append(Gallery(pictures, grown))
    return Section("scaling", "Scaling and cost", blocks)


def _of(draw: Draw, results: Results, match: str, task: str) -> Callable[[Axes], str]:
    return lambda axes: draw(axes, results, match, task)


def _timed(results: Results, task: str) -> Callable[[Axes], str]:
    return lambda axes: scaling_figures.step_time_against_size(axes, results, task)


def pairwise_section(results: Results) -> Section:
    """Models against each other; empty for a single model."""
    matrix = (
        "Probability that a run of the model in the row has a higher skill than one of the model in the column, over "
        "all pairs of their seeds; 0.5 is a draw. ● marks pairs whose test losses differ, seed by seed, after Holm's "
        "correction over the whole experiment; over all tasks, the small print counts the tasks where they do."
    )
    share = (
        "Performance profile: the share of runs whose skill is above each value, with every task weighted alike and a "
        "95 % bootstrap band (left out beyond 8 models). A line on top of all others is better throughout. Runs that "
        "failed are above nothing, so they hold a line down from its left end."
    )

    def make(match: str) -> list[Block]:
        tasks = _names(results, match)
        if not tasks:
            return []
        models = max(len(scaling_figures.confirmed_models(results, match, task)) for task, _ in tasks)
        if models < 2:
            return []
        inches = 0.9 + 0.42 * min(models, 12) + 0.11 * max(0, models - 12)
        matrices = _each(results, match, "improvement", pairwise_figures.improvement, lambda _: inches)
        number = results.matches.index(match) + 1
        if len(tasks) > 1:

            def whole(axes: Axes) -> str:
                return pairwise_figures.improvement(axes, results, match, None)

            matrices = [picture(f"improvement-{number}", "all tasks", whole, inches), *matrices]

        def shares(axes: Axes) -> str:
            return pairwise_figures.profile(axes, results, match)

        drawn = picture(f"profile-{number}", "all tasks", shares, 2.7)
        return [Gallery(matrices, matrix), *loss_pairs(results, match), Gallery([drawn], share)]

    return Section("pairwise", "Models in pairs", by_match(results, make))


def search_section(results: Results) -> Section:
    """What the search tried, what it spent on each model, and what mattered."""
    caption = (
        "Every trial of the search: its lowest validation loss against each setting that was varied. The ringed mark "
        "is each model's best. Where a cloud still falls towards an edge, the range was too narrow."
    )

    def make(match: str) -> list[Block]:
        number = results.matches.index(match) + 1
        pictures = [
            drawn
            for t, task in enumerate(results.tasks)
            if (drawn := search_figures.slice_picture(f"slices-{number}-{t + 1}", task, results, match, task))
        ]
        curves = tuning_figures.tuning_curves(results, match)
        return [Gallery(each, text) for each, text in ((pictures, caption), (curves, tuning_figures.CAPTION)) if each]

    summary = search_summary(results)
    return Section("search", "Search", [*by_match(results, make), *([summary] if summary else [])])
