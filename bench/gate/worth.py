"""What a new baseline's cells are worth: how often each reaches its target, and so what a check compares."""

from __future__ import annotations

from bench.analysis.formatting import counted
from bench.gate.baseline import Baseline, BaselineCell
from bench.gate.comparison import measure_of


def worth(baseline: Baseline) -> list[str]:
    """A sentence for each cell, for the person who has just recorded it."""
    return [f"{name} {_sentence(cell)}" for name, cell in baseline.cells.items()]


def _sentence(cell: BaselineCell) -> str:
    replicates = cell.replicates.values()
    reached = sum(not replicate.missed for replicate in replicates)
    text = f"reached its target in {reached} of {counted(len(replicates), 'replicate')}"
    if measure_of(cell.replicates) != "loss":
        return text
    steps = max(replicate.steps for replicate in replicates)
    return (
        f"{text}, so a check compares the mean loss over all {counted(steps, 'step')}, not the steps to a loss: to "
        "compare those, give more steps and record again"
    )
