"""What is said before the first training: of a user's series its rows and windows, of the whole about how long."""

from __future__ import annotations

from bench.analysis.labels import brief
from bench.experiment.cell import SEARCH_REPLICATE, CellPlan
from bench.experiment.duration import roughly, seconds_left
from bench.experiment.plan import Plan
from bench.records.ledger import Ledger
from bench.records.schema import TRAININGS
from bench.training.data import data_facts
from tasks.contract import Task

LONG_SECONDS = 120.0  # from here on, how long a run takes is said


def announcement(plan: Plan, task: Task, workers: int) -> str | None:
    """One line on a task; None where it is no series.

    workers: how many trainings run at a time on CPU cores; 0: they run on a GPU, of which no time is guessed.
    """
    if task.rows is None:
        return None
    experiment = plan.experiment
    steps, batch_size = experiment.steps(task), experiment.batch_size(task)
    counts = [data_facts(task, experiment.options.seed, replicate).train for replicate in (SEARCH_REPLICATE, 1)]
    fewest, most = min(counts), max(counts)
    windows = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    passes = sorted({f"{steps * batch_size / count:.2g}" for count in counts}, key=float)
    cells = [(cell, _trainings(cell, plan.count(cell))) for cell in plan.cells if cell.task is task]
    trainings = sum(sum(planned.values()) for _, planned in cells)
    line = (
        f"{brief(task.label)}: {task.rows:,} rows, {windows} training windows; a training takes {steps:,} steps of "
        f"{batch_size} windows, {' to '.join(passes)} passes; {trainings:,} trainings"
    )
    return f"{line}, about {_with(seconds_left(cells, workers), workers)}" if workers else line


def whole_announcement(plan: Plan, ledger: Ledger, workers: int) -> str | None:
    """One line on all that is left to do; None on a GPU (`workers` is 0), and where it is little."""
    lacking = [(cell, lacks) for cell, lacks in plan.lacking(ledger) if cell.task.label not in plan.left_alone]
    seconds = seconds_left(lacking, workers) if workers else 0.0
    if seconds < LONG_SECONDS:
        return None
    count = sum(sum(lacks.values()) for _, lacks in lacking)
    return f"{count:,} trainings and measurements to do: about {_with(seconds, workers)}"


def _trainings(cell: CellPlan, replicates: int) -> dict[str, int]:
    planned = cell.planned(replicates)
    return {stage: planned[stage] for stage in TRAININGS if stage in planned}


def _with(seconds: float, workers: int) -> str:
    return f"{roughly(seconds)} with {workers} worker{'s' if workers > 1 else ''}"
