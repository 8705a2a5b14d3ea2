"""Where training ended: test loss, and replicates that reached the target."""

from __future__ import annotations

from bench.analysis.formatting import trimmed
from bench.analysis.results import Results
from bench.analysis.selected import target_of
from bench.report.document import Block, Gallery, Section
from bench.report.figures import learning as figures
from bench.report.figures.axes import height
from bench.report.sections.layout import by_match, each_task
from bench.report.sections.pair_tables import step_pairs


def outcome_section(results: Results) -> Section:
    """Where training ended: test loss, and solved replicates."""
    goals = [
        f"{task}: {goal.get('metric')} {goal.get('direction')} {trimmed(goal.get('threshold'), 3)}"
        for task in results.tasks
        if (goal := target_of(results, task))
    ]
    losses = (
        "Test loss: a dot is a replicate, the diamond their geometric mean, the bar its 95 % t-interval. Further left "
        "is better. Bars that overlap may still differ: the verdict compares the same replicates in pairs."
    )
    solved = (
        "Share of replicates that have reached the target after so many steps; one that never does is never counted, "
        f"so the height at the right edge is the solve rate. Targets on validation data: {'; '.join(goals)}."
    )

    def make(match: str) -> list[Block]:
        loss = each_task(results, match, "test-loss", figures.losses, lambda n: height(n) + 0.3)
        rate = each_task(results, match, "solved", figures.solved, lambda _: 2.2)
        return [Gallery(loss, losses), Gallery(rate, solved), *step_pairs(results, match)] if loss else []

    return Section("outcome", "Test loss and solved replicates", by_match(results, make))
