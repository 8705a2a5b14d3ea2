"""Replicates that reached the target, and after how many steps."""

from __future__ import annotations

from bench.analysis.formatting import trimmed
from bench.analysis.results import Results
from bench.analysis.selected import target_of
from bench.report.document import Block, Gallery, Section
from bench.report.figures import learning as figures
from bench.report.sections.layout import by_match, each_task
from bench.report.sections.pair_tables import step_pairs


def outcome_section(results: Results) -> Section:
    """What share of the replicates reached the target by each step."""
    goals = [
        f"{task}: {goal.get('metric')} {goal.get('direction')} {trimmed(goal.get('threshold'), 3)}"
        for task in results.tasks
        if (goal := target_of(results, task))
    ]
    solved = (
        "Share of replicates that have reached the target after so many steps; one that never does is never counted, "
        f"so the height at the right edge is the solve rate. Targets on validation data: {'; '.join(goals)}."
    )

    def make(match: str) -> list[Block]:
        rate = each_task(results, match, "solved", figures.solved, lambda _: 2.2)
        return [Gallery(rate, solved), *step_pairs(results, match)] if rate else []

    return Section("outcome", "Solved replicates", by_match(results, make))
