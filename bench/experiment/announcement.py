"""What is said before the first training: the device, what has no effect, a series' rows and windows, the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.analysis.labels import brief
from bench.experiment.cell import SEARCH_REPLICATE
from bench.experiment.duration import roughly, seconds_left
from bench.experiment.plan import Plan
from bench.experiment.without_effect import without_effect
from bench.records.ledger import Ledger
from bench.records.schema import TRAININGS, Record
from bench.training.data import data_facts
from tasks.contract import Task

LONG_SECONDS = 120.0  # from here on, how long a run takes is said
ONE_REPLICATE = (
    "--replicates 1: nothing can be said of how results vary, so there will be no interval, no test and no verdict"
)


def announcements(plan: Plan, ledger: Ledger, machine: Record, workers: int) -> Iterator[str]:
    """All that a person should read before the first training, a sentence each.

    machine: what a look at it found. workers: how many there are on the CPU.
    """
    yield f"device {machine['reason']}"
    yield from plan.unmatched()
    yield from without_effect(plan.experiment, machine["device"])
    for left_out, why in plan.experiment.left_out.items():
        yield f"{left_out} is left out: {why}"
    timed, slowness = (workers, machine["slowness"]) if machine["device"] == "cpu" else (0, 1.0)
    for task in plan.experiment.tasks:
        if task.label not in plan.left_alone:
            yield from (f"{brief(task.label)}: {text}" for text in task.notes)
            if (line := announcement(plan, ledger, task, timed, slowness)) is not None:
                yield line
    if (line := whole_announcement(plan, ledger, timed, slowness)) is not None:
        yield line
    if max(plan.replicates.values()) == 1:
        yield ONE_REPLICATE


def announcement(plan: Plan, ledger: Ledger, task: Task, workers: int, slowness: float = 1.0) -> str | None:
    """One line on a task; None where it is no series.

    workers: how many trainings run at a time on CPU cores; 0: they run on a GPU, of which no time is guessed.
    slowness: that of the cores.
    """
    if task.rows is None:
        return None
    experiment = plan.experiment
    steps, batch_size = experiment.steps(task), experiment.batch_size(task)
    counts = [data_facts(task, experiment.options.seed, replicate).train for replicate in (SEARCH_REPLICATE, 1)]
    fewest, most = min(counts), max(counts)
    windows = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    passes = sorted({f"{steps * batch_size / count:.2g}" for count in counts}, key=float)
    planned = sum(sum(_trainings(cell.planned(plan.count(cell))).values()) for cell in plan.cells if cell.task is task)
    lacking = [(cell, _trainings(lacks)) for cell, lacks in plan.lacking(ledger) if cell.task is task]
    left = sum(sum(lacks.values()) for _, lacks in lacking)
    found = f" ({planned - left:,} found)" if left < planned else ""
    line = (
        f"{brief(task.label)}: {task.rows:,} rows, {windows} training windows; a training takes {steps:,} steps of "
        f"{batch_size} windows, {' to '.join(passes)} passes; {planned:,} trainings{found}"
    )
    return f"{line}, about {_with(seconds_left(lacking, workers, slowness), workers)}" if workers and left else line


def whole_announcement(plan: Plan, ledger: Ledger, workers: int, slowness: float = 1.0) -> str | None:
    """One line on all that is left to do; None on a GPU (`workers` is 0), and where it is little."""
    lacking = [(cell, lacks) for cell, lacks in plan.lacking(ledger) if cell.task.label not in plan.left_alone]
    seconds = seconds_left(lacking, workers, slowness) if workers else 0.0
    if seconds < LONG_SECONDS:
        return None
    count = sum(sum(lacks.values()) for _, lacks in lacking)
    return f"{count:,} trainings and measurements to do: about {_with(seconds, workers)}"


def _trainings(by_stage: Mapping[str, int]) -> dict[str, int]:
    return {stage: count for stage, count in by_stage.items() if stage in TRAININGS}


def _with(seconds: float, workers: int) -> str:
    return f"{roughly(seconds)} with {workers} worker{'s' if workers > 1 else ''}"
