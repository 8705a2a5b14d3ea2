"""One training: (task, model, configuration, seed, budget) -> one record.

A pure function of its request: the same request gives the same record (times aside) in any process, so that workers
can be anywhere and a record can be trained again to check it.
"""

from __future__ import annotations

import functools
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bench.budgets import EVALUATIONS
from bench.convergence import steps_to_target
from bench.loop import Loop, Progress, Turns, finish, finite_or_none
from bench.measure.effort import Effort, SoleEffort
from bench.measure.gradient_flow import measure_schemes
from bench.models.contract import Learner, Model, Problem, Settings
from bench.models.stepper import EagerStepper, Plan, Stepper
from bench.records import SCHEMA, Record, digest
from bench.seeds import generator
from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.losses import mean_loss
from tasks.registry import code_hash

PROBED = 5  # replicates whose gradient flow is measured; only the first one's curves are kept

# told at the end of a training that was scored: its data, the learner at its best, its raw test outputs, the record
Ended = Callable[[Dataset, Learner, Array, Record], None]
OpenStepper = Callable[[Learner, Plan], Stepper]


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
            loop = Loop(training, dataset, stepper, progress or (lambda *evaluation: None))
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


def _test(training: Training, dataset: Dataset, stepper: Stepper) -> tuple[Array, dict[str, float | None]]:
    """Raw outputs on test data of the weights that were best on validation data, and their scores."""
    stepper.restore()
    outputs = stepper.learner.predict(stepper.learner.place(dataset.test))
    loss = mean_loss(training.task.loss, outputs, dataset.test.targets, dataset.test.mask)
    references = load_references(training.task, training.seed, training.replicate)
    floor = next(reference for reference in references if reference.kind == "floor")
    metrics = training.task.metrics(outputs, dataset.test.targets, dataset.test.mask)
    scores = {"loss": loss, "skill": skill(loss, floor.loss), **metrics}
    return outputs, {name: finite_or_none(value) for name, value in scores.items()}


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
