"""Check the tasks and models of plug-ins before the first training: one line instead of sixty failed trials.

bench's own tasks and models are checked by its tests; of their data, what a parameter can break is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from bench.config.experiment import Experiment
from bench.executors.executor import Executor
from bench.experiment.cell import SEARCH_REPLICATE, CellPlan
from bench.experiment.machine import perform_alone
from bench.experiment.observer import Observer
from bench.experiment.plan import Plan
from bench.experiment.search import Point
from bench.models.contract import Problem
from bench.models.contract_checks import model_checks
from bench.training.data import load_data
from bench.training.jobs import Job
from bench.training.loop import Progress
from bench.training.request import Training
from tasks.checking import refuse_broken, source_of
from tasks.contract_checks import task_checks
from tasks.errors import UserError
from tasks.registry import code_hash
from tasks.validation import naming, validate_dataset


def check_tasks(experiment: Experiment, observer: Observer) -> None:
    """Raise UserError where the data of a task, or a plug-in's task, break the contract. What is doubtful is a note."""
    for task in experiment.tasks:
        with naming(task):
            validate_dataset(task, load_data(task, experiment.options.seed, SEARCH_REPLICATE))
        if code_hash(type(task)) is not None:
            for text in refuse_broken(source_of(task), task_checks(task), task.label):
                observer.note(text)


def check_models(experiment: Experiment, device: str, executor: Executor, observer: Observer) -> None:
    """Raise UserError where a plug-in's model breaks its contract on a task, at a size that is asked for.

    What is doubtful is a note to the observer. The model is tried in a worker, on the device and at the precision of
    its trainings.
    """
    doubtful: dict[str, None] = {}
    for cells in _by_model_and_task(experiment, device):
        cell = cells[0]
        sizes = {(h, n): None for space in (c.space() for c in cells) for h in space.hidden_sizes for n in space.layers}
        hidden_size, num_layers = min(sizes)
        point = Point(hidden_size, num_layers, experiment.lr_range(cell.task)[0], cell.entry.schemes[0])
        training = cell.training(point, SEARCH_REPLICATE)
        if "dropout" in experiment.searched:
            most = experiment.searched["dropout"].at(1.0)
            training = replace(training, settings=replace(training.settings, dropout=most))
        job = ContractJob(training, tuple(sizes))
        try:
            found = perform_alone(job, executor, observer)
        except UserError as error:
            raise UserError(f"{source_of(cell.model)}: model {cell.model.label} ended its worker: {error}") from error
        if found.get("refused") or found.get("error"):
            raise UserError(found.get("refused") or found["error"])
        doubtful |= dict.fromkeys(found["doubtful"])
    for text in doubtful:  # once, though several tasks may show it
        observer.note(text)


def _by_model_and_task(experiment: Experiment, device: str) -> Iterator[list[CellPlan]]:
    found: dict[tuple[str, str], list[CellPlan]] = {}
    for cell in Plan(experiment, device).cells:
        if code_hash(type(cell.model)) is not None:
            found.setdefault((cell.entry.label, cell.task.label), []).append(cell)
    yield from found.values()


@dataclass(frozen=True)
class ContractJob(Job):
    """Check a model in a worker. representative: a training of it; sizes: (hidden size, layers) of its search."""

    representative: Training
    sizes: tuple[tuple[int, int], ...]

    steps = 1

    @property
    def label(self) -> str:
        return f"checking {self.representative.model.label} on {self.representative.task.label}"

    @property
    def device(self) -> str:
        return self.representative.settings.device

    def key(self) -> str:
        return "contract"

    def perform(self, progress: Progress) -> dict[str, Any]:
        """{"refused"}: None, or the sentence for the user; {"doubtful"}: sentences too."""
        training = self.representative
        split = load_data(training.task, training.seed, training.replicate).train
        problem = Problem.of(training.task, split)
        try:
            checks = model_checks(training.model, problem, split, training.settings, self.sizes)
            doubtful = refuse_broken(source_of(training.model), checks, training.model.label, *_on_the_same(training))
        except UserError as error:
            return {**self.describe(), "refused": str(error), "doubtful": []}
        return {**self.describe(), "refused": None, "doubtful": doubtful}


def _on_the_same(training: Training) -> tuple[str, ...]:
    """Arguments of `bench validate` for the same task, as other data may not show what is wrong.

    None where it cannot be named: it loads one plug-in alone.
    """
    where = source_of(training.task)
    known = code_hash(type(training.task)) is None or where == source_of(training.model)
    return ("--tasks", training.task.label) if known else ()
