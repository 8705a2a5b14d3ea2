"""Fair in what? Skill beside everything that it can be bought with."""

from __future__ import annotations

from bench.analysis.equal_amounts import model_amounts
from bench.analysis.formatting import number
from bench.analysis.results import Results
from bench.report.document import Block, Gallery, Section, Text
from bench.report.figures.fairness import INCHES, skill_against_costs
from bench.report.sections.layout import by_match, each_task

CAPTION = (
    "Mean skill over replicates against parameters, floating-point operations of an optimiser step (matrix products "
    "alone), numbers carried from one step of a sequence to the next, and the measured time of an optimiser step. "
    "Parameters are the median over replicates; the other three are of the configuration that is timed, the one chosen "
    "most often. "
    "Further left and further up is better: a model is the better one in every respect only if it is so in every panel."
)


def fairness_section(results: Results) -> Section:
    """A figure a task, and for comparisons at equal amounts how much each model really has."""

    def make(match: str) -> list[Block]:
        pictures = each_task(results, match, "costs", skill_against_costs, lambda _: INCHES)
        blocks: list[Block] = [Text(text) for text in _amounts(results, match)]
        return [*blocks, Gallery(pictures, CAPTION)] if pictures else blocks

    return Section("fairness", "Skill and what it costs", by_match(results, make))


def _amounts(results: Results, match: str) -> list[str]:
    """For each task of a comparison at equal amounts: the budget, the tolerance, and what each model has."""
    found: dict[str, str] = {}
    for one in (one for one in model_amounts(results) if one.match == match):
        begin = f"{one.task}: {number(one.budget)} {one.quantity}, within {100 * one.tolerance:.0f} %"
        found[one.task] = (
            f"{found.get(one.task, begin)}; {one.model} {number(one.amount)} (hidden size {one.hidden_size})"
        )
    return list(found.values())
