"""The sections that are made of figures: one small figure a task, side by side, under one caption.

Where an experiment holds several comparisons (tuned, equal hidden size, …) each has its own figures, and the page
shows those of the one that is chosen.
"""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes

from bench.analysis.labels import brief, words
from bench.analysis.results import Results
from bench.analysis.selected import selected_models, tasks_in
from bench.report.document import Alternatives, Block
from bench.report.figures.axes import picture
from bench.report.picture import Picture

Draw = Callable[[Axes, Results, str, str], str]


def by_match(results: Results, make: Callable[[str], list[Block]]) -> list[Block]:
    """The blocks of every comparison: plain where there is one, else behind a choice."""
    options = [(match, words(match).heading, blocks) for match in results.matches if (blocks := make(match))]
    if len(results.matches) == 1 or not options:
        return list(options[0][2]) if options else []
    return [Alternatives("match", options)]


def named_tasks(results: Results, match: str) -> list[tuple[str, str]]:
    """Each task of a comparison that has results, with a name for its files."""
    number = results.matches.index(match) + 1
    return [(task, f"{number}-{results.tasks.index(task) + 1}") for task in tasks_in(results, match)]


def each_task(results: Results, match: str, prefix: str, draw: Draw, inches: Callable[[int], float]) -> list[Picture]:
    """One picture a task; `inches` gives its height for a number of models."""

    def drawn(name: str, task: str) -> Picture:
        models = selected_models(results, match, task)
        return picture(name, brief(task), lambda axes: draw(axes, results, match, task), inches(len(models)))

    return [drawn(f"{prefix}-{name}", task) for task, name in named_tasks(results, match)]
