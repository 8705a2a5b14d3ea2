"""The sections that are made of figures: one small figure a task, side by side, under one caption.

Where an experiment holds several comparisons (tuned, equal hidden size, …) each has its own figures, and the page
shows those of the one that is chosen.
"""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes

from bench.analysis.confirmed import confirmed_models, tasks_in
from bench.analysis.results import Results
from bench.report.document import Block, Choice, Picture
from bench.report.figures.axes import picture

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


def named_tasks(results: Results, match: str) -> list[tuple[str, str]]:
    """Each confirmed task of a comparison with a name for its files."""
    number = results.matches.index(match) + 1
    return [(task, f"{number}-{results.tasks.index(task) + 1}") for task in tasks_in(results, match)]


def each_task(results: Results, match: str, prefix: str, draw: Draw, inches: Callable[[int], float]) -> list[Picture]:
    """One picture a task; `inches` gives its height for a number of models."""

    def drawn(name: str, task: str) -> Picture:
        models = confirmed_models(results, match, task)
        return picture(name, task, lambda axes: draw(axes, results, match, task), inches(len(models)))

    return [drawn(f"{prefix}-{name}", task) for task, name in named_tasks(results, match)]
