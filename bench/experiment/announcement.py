"""What is said of a user's series before the first training: rows, windows, passes, trainings, about how long."""

from __future__ import annotations

import math

from bench.analysis.labels import brief
from bench.experiment.cell import SEARCH_REPLICATE, CellPlan
from bench.experiment.plan import Plan
from bench.models.initialisation import GATES
from bench.records.schema import TRAININGS
from bench.training.data import load_data
from tasks.contract import Task

# A forward and a backward pass on one core: seconds for each row of a window and layer, whatever the sizes, and
# floating-point operations a second. Set by hand after processor times of torch 2.13 at seven sizes, which they meet
# within a third there; another processor may take half or twice as long. Other cells are taken for a GRU.
_COSTS = {"rnn": (4e-5, 5e10), "gru": (9e-5, 3.5e10), "lstm": (3e-5, 8e10)}
_SECONDS_PER_STEP = 3e-4  # the optimiser


def announcement(plan: Plan, task: Task, workers: int) -> str | None:
    """One line on a task; None where it is no series.

    workers: how many trainings run at a time on CPU cores; 0: they run on a GPU, of which no time is guessed.
    """
    if task.rows is None:
        return None
    experiment = plan.experiment
    steps, batch_size = experiment.steps(task), experiment.batch_size(task)
    counts = [len(load_data(task, experiment.options.seed, replicate).train) for replicate in (SEARCH_REPLICATE, 1)]
    fewest, most = min(counts), max(counts)
    windows = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    passes = sorted({f"{steps * batch_size / count:.2g}" for count in counts}, key=float)
    cells = [cell for cell in plan.cells if cell.task is task]
    trainings = sum(_trainings(cell, plan.count(cell)) for cell in cells)
    line = (
        f"{brief(task.label)}: {task.rows:,} rows, {windows} training windows; a training takes {steps:,} steps of "
        f"{batch_size} windows, {' to '.join(passes)} passes; {trainings:,} trainings"
    )
    if not workers:
        return line
    seconds = sum(_trainings(cell, plan.count(cell)) * _seconds(cell) for cell in cells) / workers
    return f"{line}, about {_roughly(seconds)} with {workers} worker{'s' if workers > 1 else ''}"


def _trainings(cell: CellPlan, replicates: int) -> int:
    planned = cell.planned(replicates)
    return sum(planned.get(stage, 0) for stage in TRAININGS)


def _seconds(cell: CellPlan) -> float:
    """About how long a training of a cell takes, on average over the sizes that its search chooses from."""
    experiment, space = cell.experiment, cell.space()
    split = load_data(cell.task, experiment.options.seed, SEARCH_REPLICATE).train
    rows, inputs = split.inputs.shape[1], cell.task.input_size
    gates, (per_row, per_second) = GATES.get(cell.model.cell, GATES["gru"]), _COSTS.get(cell.model.cell, _COSTS["gru"])
    batch = experiment.batch_size(cell.task)
    found = []
    for hidden_size in space.hidden_sizes:
        for layers in space.layers:
            weights = gates * hidden_size * (inputs + hidden_size + (layers - 1) * 2 * hidden_size)
            flop = 6 * batch * rows * weights  # a multiplication and an addition, forward once and backward twice
            found.append(_SECONDS_PER_STEP + rows * layers * per_row + flop / per_second)
    return float(experiment.steps(cell.task) * sum(found) / len(found))


def _roughly(seconds: float) -> str:
    """A time with one or two digits."""
    if seconds < 90:
        return f"{max(10, 10 * round(seconds / 10))} s"
    if seconds < 5400:
        return f"{math.ceil(seconds / 60)} min"
    return f"{seconds / 3600:.2g} h"
