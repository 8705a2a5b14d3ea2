"""Learning curves."""

from __future__ import annotations

from bench.analysis.alarms.learning import best_early
from bench.analysis.results import Results
from bench.report.document import Block, BulletList, Explorer, Gallery, Section
from bench.report.figures import learning as figures
from bench.report.sections.explorer import explorer_data
from bench.report.sections.layout import by_match, each_task


def curves_section(results: Results) -> Section:
    """What was learnt when: an explorer on the page, and a figure a task."""
    caption = (
        "Validation loss in training, on a logarithmic axis. Thin lines are replicates, the strong line is their "
        "median, the band holds the middle half of them. Dotted lines: the target (a band where replicates have "
        "different ones), and the validation loss of predictors without a recurrent net (an arrow: it lies beyond the "
        "axis). Lower and further left is better."
    )

    def make(match: str) -> list[Block]:
        found = each_task(results, match, "curves", figures.curves, lambda _: 2.9)
        return [Gallery(found, caption)] if found else []

    data = explorer_data(results)
    blocks = by_match(results, make)
    if not blocks:
        return Section("curves", "Learning curves", [])
    notes: list[Block] = [BulletList(found)] if (found := best_early(results)) else []
    return Section("curves", "Learning curves", [*([Explorer(data)] if data else []), *notes, *blocks])
