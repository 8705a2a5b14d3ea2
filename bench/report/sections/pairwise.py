"""Models compared in pairs."""

from __future__ import annotations

from matplotlib.axes import Axes

from bench.analysis.pooled import left_out
from bench.analysis.results import Results
from bench.analysis.selected import selected_models
from bench.report.document import Block, Gallery, Section
from bench.report.figures import pairwise as pairwise_figures
from bench.report.figures.axes import picture
from bench.report.sections.layout import by_match, each_task, named_tasks
from bench.report.sections.pair_tables import loss_pairs


def pairwise_section(results: Results) -> Section:
    """Models against each other; empty for a single model."""
    matrix = (
        "Probability that a run of the model in the row has a higher skill than one of the model in the column, over "
        "all pairs of their replicates; 0.5 is a draw. A failure counts as the lowest skill on the task. ● marks pairs "
        "whose test losses differ after the correction over the whole experiment; over all tasks, the small print "
        "counts the tasks where they do."
    )
    share = (
        "Performance profile: the share of runs whose skill is above each value, with every task weighted alike and a "
        "95 % bootstrap band (left out beyond 8 models). A line on top of all others is better throughout. Failed "
        "runs count as worse than every score, so a line with failures starts below 100 %."
    )

    def make(match: str) -> list[Block]:
        tasks = named_tasks(results, match)
        if not tasks:
            return []
        models = max(len(selected_models(results, match, task)) for task, _ in tasks)
        if models < 2:
            return []
        inches = 0.9 + 0.42 * min(models, 12) + 0.11 * max(0, models - 12)
        matrices = each_task(results, match, "improvement", pairwise_figures.improvement, lambda _: inches)
        number = results.matches.index(match) + 1
        if len(tasks) > 1:

            def whole(axes: Axes) -> str:
                return pairwise_figures.improvement(axes, results, match, None)

            matrices = [picture(f"improvement-{number}", "all tasks", whole, inches), *matrices]

        def shares(axes: Axes) -> str:
            return pairwise_figures.profile(axes, results, match)

        title = "all tasks" if len(tasks) > 1 else tasks[0][0]
        drawn = picture(f"profile-{number}", title, shares, 2.7)
        without = left_out(results, match)
        return [Gallery(matrices, matrix + without), *loss_pairs(results, match), Gallery([drawn], share + without)]

    return Section("pairwise", "Models in pairs", by_match(results, make))
