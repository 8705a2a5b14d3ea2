"""One training: (task, model, configuration, seed, budget) -> one record.

A pure function of its request: the same request gives the same record (times aside) in any process, so that workers
can be anywhere and a record can be trained again to check it.
"""

from __future__ import annotations

import functools
import hashlib
import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np

from bench.convergence import steps_to_target
from bench.measure.effort import Effort, SoleEffort
from bench.measure.gradient_flow import measure_schemes
from bench.models.contract import Learner, Model, Problem, Settings
from bench.models.stepper import EagerStepper, Plan, Stepper
from bench.plateau import Plateau
from bench.records import SCHEMA, Record, digest
from bench.seeds import generator
from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.losses import mean_loss
from tasks.registry import code_hash

EVALUATIONS = 50  # at most, besides step 0: one every 2 % of the budget
FIRST_STEPS = (1, 2, 5, 10, 20, 30, 40, 50)  # whose training loss a record keeps exactly, to tell two codes apart
CURVE = ("step", "train_loss", "valid_loss", "valid_metric", "learning_rate")
PROBED = 5  # replicates whose gradient flow is measured; only the first one's curves are kept
TURN_STEPS = 32  # after so many steps a training lets others have their turn
DIVERGED_RATIO = 1e3  # a validation loss this many times its initial value counts as diverged

# told at each evaluation: step, training loss, validation loss, validation metric, learning rate, as in `CURVE`
Progress = Callable[[int, float | None, float, float | None, float], None]
# told at the end of a training that was scored: its data, the learner at its best, its raw test outputs, the record
Ended = Callable[[Dataset, Learner, Array, Record], None]
OpenStepper = Callable[[Learner, Plan], Stepper]

Result = TypeVar("Result")
Turns = Generator[None, None, Result]  # work that pauses wherever others may take their turn


@dataclass(frozen=True)
class Training:
    """All that decides the outcome of one training."""

    task: Task
    model: Model
    settings: Settings
    batch_size: int
    steps: int
    replicate: int
    seed: int = 0
    plateau_patience: int | None = None
    on_test_data: bool = True  # False in the search, which never sees test data
    evaluation_interval: int | None = None  # steps; None: at most `EVALUATIONS` in all
    stop_after: int | None = None  # stop there on purpose: the whole training's curve up to this evaluation
    stop_at_target: bool = False  # stop at the evaluation that finds the target reached

    @property
    def last_step(self) -> int:
        """The optimiser step it ends with."""
        return self.stop_after or self.steps

    @property
    def interval(self) -> int:
        """Optimiser steps between evaluations."""
        return self.evaluation_interval or max(1, math.ceil(self.steps / EVALUATIONS))

    def key(self) -> str:
        """SHA-256 of everything that decides the record, the versions of code and schema included."""
        return digest(
            [
                SCHEMA,
                [self.task.name, self.task.version, self.task.identity(), code_hash(type(self.task))],
                [self.model.name, self.model.version, self.model.identity(), code_hash(type(self.model))],
                self.settings.identity(),
                [self.batch_size, self.steps, self.plateau_patience, self.evaluation_interval],
                [self.seed, self.replicate, self.on_test_data],
                *([["stop after", self.stop_after]] if self.stop_after else []),
                *([["stop at target"]] if self.stop_at_target else []),
            ]
        )

    def describe(self) -> Record:
        """The identity part of the record."""
        settings = asdict(self.settings)
        size = {key: settings.pop(key) for key in ("hidden_size", "num_layers", "dropout", "init")}
        plan = {
            "batch_size": self.batch_size,
            "steps": self.last_step,
            "plateau_patience": self.plateau_patience,
            "evaluation_interval": self.evaluation_interval,
            **({"budget_steps": self.steps} if self.stop_after else {}),
            **({"stop_at_target": True} if self.stop_at_target else {}),
        }
        return {
            "schema": SCHEMA,
            "key": self.key(),
            "task": describe_entry(self.task),
            "model": {**describe_entry(self.model), **size},
            "training": {**settings, **plan, "seed": self.seed},
            "replicate": self.replicate,
            "target": asdict(self.task.target),
        }

    def label(self) -> str:
        """For progress: task, model and configuration in a few words."""
        s = self.settings
        layers = f"{s.num_layers} layer" + ("s" if s.num_layers > 1 else "")
        init = "" if s.init == "default" else f" {s.init}"
        return f"{self.task.label} {self.model.label}{init} h{s.hidden_size} {layers} lr {s.learning_rate:.2g}"


def describe_entry(entry: Task | Model) -> dict[str, Any]:
    """Name, label, version and parameters of a task or model, as records keep them."""
    return {"name": entry.name, "label": entry.label, "version": entry.version, "parameters": entry.identity()}


@functools.lru_cache(maxsize=16)
def load_data(task: Task, seed: int, replicate: int) -> Dataset:
    """The data of a replicate: the model is no part of its seed, so every model sees the same."""
    return task.generate(generator("data", seed, task.name, task.identity(), replicate))


@functools.lru_cache(maxsize=16)
def load_references(task: Task, seed: int, replicate: int) -> tuple[Reference, ...]:
    """The task's floor, baselines and limits on the data of a replicate."""
    return tuple(task.references(load_data(task, seed, replicate)))


def build_learner(training: Training, dataset: Dataset) -> Learner:
    """The learner of a training with its initial weights; models of one cell start from the same."""
    weights = generator("init", training.seed, training.model.cell, training.replicate)
    dropout = int(generator("dropout", training.seed, training.model.cell, training.replicate).integers(2**62))
    return training.model.build(Problem.of(training.task, dataset.train), training.settings, weights, dropout)


def train(training: Training, progress: Progress | None = None, ended: Ended | None = None) -> Record:
    """Train, and return the record. Divergence is a status; any exception passes through (`attempt` records it).

    ended: called with the data, the learner at its best, its raw outputs on test data, and the record, where the
    training was scored on test data.
    """
    return finish(train_in_turns(training, progress, ended))


def train_in_turns(
    training: Training,
    progress: Progress | None = None,
    ended: Ended | None = None,
    open_stepper: OpenStepper = EagerStepper,
    effort: Effort | None = None,
) -> Turns[Record]:
    """`train`, for a process that does others in between: it pauses every few steps and while it waits for the device.

    effort: measures what the training takes; whoever does others in between brings one that leaves theirs out.
    """
    began = time.perf_counter()
    effort = effort or SoleEffort(training.settings.device)
    dataset = load_data(training.task, training.seed, training.replicate)
    with effort:
        learner = build_learner(training, dataset)
        hashes = {
            "weights": _hash(
                *(value for name, value in sorted(learner.state().items()) if not name.startswith("adam."))
            ),
            "first_batch": _first_batch_hash(training, dataset.train),
            "data": _data_hash(training.task, training.seed, training.replicate),
        }
        orders = orders_of(training, len(dataset.train))
        stepper = open_stepper(learner, Plan(dataset, orders, training.batch_size, training.interval))
        try:
            loop = _Loop(training, dataset, stepper, progress or (lambda *evaluation: None))
            diverged = yield from loop.run()
            scored = not diverged and training.on_test_data
            outputs, test = _test(training, dataset, stepper) if scored else (None, None)
        finally:
            stepper.close()
    curve = loop.curve
    values = curve["valid_loss"] if training.task.target.metric == "loss" else curve["valid_metric"]
    record = {
        **training.describe(),
        "status": "diverged" if diverged else "ok",
        "error": diverged,
        "curve": curve,
        "first_losses": loop.first_losses,
        "steps_to_target": steps_to_target(curve["step"], values, training.task.target),
        "test": test,
        "parameters": {**asdict(learner.parameter_count), "total": learner.parameter_count.total},
        "evaluation_seconds": loop.seconds,
        "wall_seconds": time.perf_counter() - began,
        "cpu_seconds": effort.cpu_seconds,
        "peak_bytes": effort.peak_bytes,
        "energy_joules": effort.energy_joules,
        "kernel": stepper.kernel,
        "hashes": hashes,
        "gradient_flow": _gradient_flow(training, dataset, learner) if test else None,
        "train_sequences": len(dataset.train),
    }
    if ended is not None and outputs is not None:
        ended(dataset, learner, outputs, record)
    return record


def finish(turns: Turns[Result]) -> Result:
    """Do all turns, one after the other."""
    while True:
        try:
            next(turns)
        except StopIteration as end:
            result: Result = end.value
            return result


def _gradient_flow(training: Training, dataset: Dataset, learner: Learner) -> list[dict[str, Any]] | None:
    """How far gradients reach at each scheme's initial weights and after training, in the first few replicates."""
    if training.replicate > PROBED:
        return None

    def initial(scheme: str) -> dict[str, Array]:
        settings = replace(training.settings, init=scheme, device="cpu")
        return build_learner(replace(training, settings=settings), dataset).state()

    problem = Problem.of(training.task, dataset.train)
    found = measure_schemes(training.model, problem, training.settings, initial, learner.state(), dataset.valid)
    if found is None or training.replicate == 1:
        return found
    return [{key: value for key, value in flow.items() if key not in ("hidden", "cell")} for flow in found]


def batches_of(training: Training, learner: Learner, split: Split) -> Iterator[Any]:
    """A learner's batches, epoch after epoch without end, as the training has them."""
    placed = learner.place(split)
    for order in orders_of(training, len(split)):
        yield from learner.batches(placed, order, training.batch_size)


class _Loop:
    """The optimiser steps and the evaluations between them."""

    def __init__(self, training: Training, dataset: Dataset, stepper: Stepper, progress: Progress) -> None:
        self.training, self.dataset, self.stepper, self.progress = training, dataset, stepper, progress
        self.curve: dict[str, list[Any]] = {name: [] for name in CURVE}
        self.first_losses: dict[str, list[Any]] = {"step": [], "train_loss": []}
        self.began, self.seconds = time.perf_counter(), list[float]()
        self.best_loss = math.inf
        self.plateau = Plateau(training.plateau_patience)

    def run(self) -> Turns[str | None]:
        """Train to the end of the budget; returns why it stopped early, or None."""
        interval, last, step = self.training.interval, self.training.last_step, 0
        stopped = yield from self._evaluate(step)
        while stopped is None and step < last and not self._is_solved():
            for step in range(step + 1, min(step + interval, last) + 1):  # noqa: B020 - goes on from where it was
                self.stepper.step()
                if step % TURN_STEPS == 0:
                    yield
            stopped = yield from self._evaluate(step)
        return stopped

    def _is_solved(self) -> bool:
        """Whether the training is one that ends here: its target is reached."""
        target = self.training.task.target
        value = self.curve["valid_loss" if target.metric == "loss" else "valid_metric"][-1]
        return self.training.stop_at_target and value is not None and target.reached(value)

    def _evaluate(self, step: int) -> Turns[str | None]:
        self.stepper.ask()
        yield
        while not self.stepper.ready():
            yield
        losses, outputs = self.stepper.answer()
        return self._judge(step, losses, outputs)

    def _judge(self, step: int, losses: Array, outputs: Array) -> str | None:
        """Add an evaluation to the curve; returns why the training must stop, or None.

        losses: of the steps since the last evaluation; outputs: on validation data.
        """
        task, valid, learner = self.training.task, self.dataset.valid, self.stepper.learner
        train_loss = float(np.mean(losses)) if len(losses) else None
        self._keep_first(step, losses)
        finite = bool(np.isfinite(outputs).all())
        valid_loss = mean_loss(task.loss, outputs, valid.targets, valid.mask) if finite else math.nan
        metric = None
        if finite and task.target.metric != "loss":
            metric = task.metrics(outputs, valid.targets, valid.mask)[task.target.metric]
        rate = learner.learning_rate  # of the step that led here
        for key, value in zip(CURVE, (step, train_loss, valid_loss, metric, rate), strict=True):
            self.curve[key].append(_finite_or_none(value))
        self.seconds.append(time.perf_counter() - self.began)
        self.progress(step, train_loss, valid_loss, metric, rate)
        if not math.isfinite(valid_loss) or (train_loss is not None and not math.isfinite(train_loss)):
            return f"the loss was not finite at step {step}"
        if valid_loss > DIVERGED_RATIO * max(self.curve["valid_loss"][0], 1e-12):
            return f"the validation loss at step {step} was over {DIVERGED_RATIO:g} times its initial value"
        if valid_loss < self.best_loss:
            self.best_loss = valid_loss
            self.stepper.keep()
        if step:  # as a training loop does: after an epoch, not before the first
            learner.learning_rate = self.plateau.next_rate(learner.learning_rate, valid_loss)
        return None

    def _keep_first(self, step: int, losses: Array) -> None:
        """losses: those of the steps up to `step`."""
        before = step - len(losses)
        for first in FIRST_STEPS:
            if before < first <= step:
                self.first_losses["step"].append(first)
                self.first_losses["train_loss"].append(_finite_or_none(float(losses[first - before - 1])))


def _test(training: Training, dataset: Dataset, stepper: Stepper) -> tuple[Array, dict[str, float | None]]:
    """Raw outputs on test data of the weights that were best on validation data, and their scores."""
    stepper.restore()
    outputs = stepper.learner.predict(stepper.learner.place(dataset.test))
    loss = mean_loss(training.task.loss, outputs, dataset.test.targets, dataset.test.mask)
    references = load_references(training.task, training.seed, training.replicate)
    floor = next(reference for reference in references if reference.kind == "floor")
    metrics = training.task.metrics(outputs, dataset.test.targets, dataset.test.mask)
    scores = {"loss": loss, "skill": skill(loss, floor.loss), **metrics}
    return outputs, {name: _finite_or_none(value) for name, value in scores.items()}


def skill(loss: float, floor_loss: float) -> float | None:
    """1 − loss / floor: 0 for the naive predictor, 1 for a perfect one; None where the naive one is perfect."""
    return 1 - loss / floor_loss if floor_loss > 0 else None


def _batch_generator(training: Training) -> np.random.Generator:
    task = training.task
    return generator("batches", training.seed, task.name, task.identity(), training.replicate)


def orders_of(training: Training, sequences: int) -> Iterator[Array]:
    """Endless epochs, each in another order, which leaves the model out of its seed."""
    rng = _batch_generator(training)
    while True:
        yield rng.permutation(sequences)


def _first_batch_hash(training: Training, split: Split) -> str:
    first = _batch_generator(training).permutation(len(split))[: training.batch_size]
    return _hash(split.inputs[first], split.targets[first])


@functools.lru_cache(maxsize=64)
def _data_hash(task: Task, seed: int, replicate: int) -> str:
    """Of all three splits, with what masks and pads them."""
    data = load_data(task, seed, replicate)
    return _hash(
        *(
            array
            for split in (data.train, data.valid, data.test)
            for array in (split.inputs, split.targets, split.mask, split.lengths)
            if array is not None
        )
    )


def _hash(*arrays: Array) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
