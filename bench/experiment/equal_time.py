"""The sizes of `--match time`, measured in a worker, once for an experiment; and all that an experiment keeps."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median_low
from typing import Any

from bench.config.experiment import Experiment
from bench.config.matching import BY_AMOUNT
from bench.executors.executor import Executor
from bench.experiment.cell import SEARCH_REPLICATE, CellPlan
from bench.experiment.machine import perform_alone
from bench.experiment.matched import Matched, SizeByTimeJob
from bench.experiment.observer import Observer
from bench.experiment.search import Point
from bench.models.sizing import nearest_size
from bench.training.request import Training
from tasks.errors import UserError


def timed_sizes(
    experiment: Experiment, device: str, executor: Executor, observer: Observer, before: Mapping[str, Any]
) -> dict[tuple[str, str, str], Matched]:
    """By comparison, task and entry, the size at which a step takes as long as the middle model's at the middle size.

    before: the manifest of an earlier run of this experiment. Its sizes stay, those of comparisons at equal parameters,
    FLOPs or state too: others would be other trainings. A model that is added is given the budget that they have.
    """
    found: dict[tuple[str, str, str], Matched] = {}
    for matching in experiment.matchings:
        for task in experiment.tasks if matching.kind in BY_AMOUNT else ():
            cells = [CellPlan(experiment, matching, task, entry, device) for entry in experiment.entries]
            kept = before.get("matched", {}).get(matching.label, {}).get(task.label)
            if kept is not None:
                budget, models = kept["budget"], kept["models"]
                there = [(cell.name, models[cell.entry.label]) for cell in cells if cell.entry.label in models]
                known = {name: Matched(own["hidden_size"], own["amount"], budget) for name, own in there}
            elif matching.kind == "time":
                measured = {cell.name: _measure(_training(cell), None, executor, observer) for cell in cells}
                budget = median_low(one.amount for one in measured.values())
                known = {name: one for name, one in measured.items() if one.amount == budget}
            else:
                continue  # nothing is measured
            found |= known
            for cell in cells:
                if cell.name not in known and matching.kind == "time":
                    found[cell.name] = _measure(_training(cell), budget, executor, observer)
                elif cell.name not in known:
                    found[cell.name] = cell.matched_to(int(budget))
    return found


def _training(cell: CellPlan) -> Training:
    matching, rates = cell.matching, cell.experiment.lr_range(cell.task)
    size = nearest_size(cell.model, matching.hidden_sizes[0])
    return cell.training(Point(size, matching.layers[0], rates[0], cell.entry.schemes[0]), SEARCH_REPLICATE)


def _measure(training: Training, budget: float | None, executor: Executor, observer: Observer) -> Matched:
    found = perform_alone(SizeByTimeJob(training, budget), executor, observer)
    if found.get("error"):
        raise UserError(f"--match time: a step of {training.model.label} could not be measured: {found['error']}")
    return Matched(found["hidden_size"], found["step_seconds"], budget or found["step_seconds"])
