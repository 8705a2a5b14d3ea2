"""Replicates that reached the target, and after how many steps."""

from __future__ import annotations

from bench.analysis.formatting import trimmed
from bench.analysis.results import Results
from bench.analysis.selected import target_of, targets_of
from bench.report.document import Block, Gallery, Section
from bench.report.figures import learning as figures
from bench.report.sections.layout import by_match, each_task
from bench.report.sections.pair_tables import step_pairs


def outcome_section(results: Results) -> Section:
    """What share of the replicates reached the target by each step."""
    goals = [goal for task in results.tasks if (goal := _goal(results, task))]
    solved = (
        "Share of replicates that have reached the target after so many steps; one that never does is never counted, "
        f"so the height at the right edge is the solve rate. Targets on validation data: {'; '.join(goals)}."
    )

    def make(match: str) -> list[Block]:
        rate = each_task(results, match, "solved", figures.solved, lambda _: 2.2)
        return [Gallery(rate, solved), *step_pairs(results, match)] if rate else []

    return Section("outcome", "Solved replicates", by_match(results, make))


def _goal(results: Results, task: str) -> str | None:
    """A task's target in words, as a range where it is not the same in all replicates; None where there is none."""
    goal, ends = target_of(results, task), targets_of(results, task)
    if ends is None:
        return None
    low, high = (trimmed(end, 3) for end in ends)
    said = f"{task}: {goal.get('metric')} {goal.get('direction')} {low}"
    return (
        said if low == high else f"{said} to {high}, by {'forecast origin' if task in results.series else 'replicate'}"
    )
