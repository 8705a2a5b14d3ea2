"""About how long trainings take on CPU cores, from their sizes: said before the first of them has been timed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from bench.config.budgets import BUDGETS
from bench.experiment.cell import FUSED, CellPlan
from bench.models.contract import Model
from bench.records.schema import TRAININGS

# A forward and a backward pass on one core: seconds for each row of a window and layer, whatever the sizes, and
# floating-point operations a second. Set by hand after processor times of torch 2.13 at seven sizes, which they meet
# within a third on an AMD EPYC; `slowness` says how much longer another processor takes. Other cells are taken for a
# GRU with as many recurrent weights.
_COSTS = {"rnn": (4e-5, 5e10), "gru": (9e-5, 3.5e10), "lstm": (3e-5, 8e10)}
_TWIN_SHARE = 0.35  # of the time of nn.GRU that NumPy's takes: 0.22 to 0.55 on the default tasks
_SECONDS_PER_STEP = 3e-4  # the optimiser
_SECONDS_PER_JOB = 0.05  # its data, weights and record
_EXAMINE_SECONDS = 0.3
SEARCHED = ("trial", "search")


def seconds_left(lacking: Iterable[tuple[CellPlan, Mapping[str, int]]], workers: int, slowness: float = 1.0) -> float:
    """About how long cells take for what they lack, by stage, with so many trainings at a time; timings run alone.

    slowness: how many times as long a core takes as that on which the costs were measured (`bench.measure.speed`).
    """
    shared = alone = 0.0
    for cell, lacks in lacking:
        for stage, count in lacks.items():
            if stage in TRAININGS:
                shared += count * (_SECONDS_PER_JOB + training_seconds(cell, stage))
            elif stage == "examine":
                shared += count * _EXAMINE_SECONDS
            elif stage == "time":
                kernels = 2 if cell.model.cell == "lstm" and cell.kernel != FUSED else 1  # not yet counted
                alone += count * kernels * BUDGETS[cell.experiment.options.budget].timing_seconds / cell.timing_rounds
    return slowness * shared / workers + alone  # a timing ends after the same time everywhere


def training_seconds(cell: CellPlan, stage: str = "confirm") -> float:
    """About how long a training of a cell takes, on average over the sizes that its search chooses from.

    stage: of a search, what it stops early or trains with a faster implementation takes less.
    """
    searching = stage in SEARCHED
    steps = cell.mean_trial_steps() if searching else cell.experiment.steps(cell.task)
    share = _TWIN_SHARE if searching and cell.twin is not None else 1.0
    space = cell.space()
    found = [_step_seconds(cell, cell.model, h, n) for h in space.hidden_sizes for n in space.layers]
    return share * steps * sum(found) / len(found)


def _step_seconds(cell: CellPlan, model: Model, hidden_size: int, layers: int) -> float:
    problem, batch = cell.facts.problem, cell.experiment.batch_size(cell.task)
    per_row, per_second = _COSTS.get(model.cell, _COSTS["gru"])
    weights = model.count_parameters(problem, hidden_size, layers).recurrent
    flop = 6 * batch * problem.sequence_length * weights  # a multiplication and an addition, forward and twice backward
    return _SECONDS_PER_STEP + problem.sequence_length * layers * per_row + flop / per_second


def roughly(seconds: float) -> str:
    """A time with one or two digits."""
    if seconds < 90:
        return f"{max(10, 10 * round(seconds / 10))} s"
    if seconds < 5400:
        return f"{math.ceil(seconds / 60)} min"
    return f"{seconds / 3600:.2g} h"
