"""Sketch what a training starts from, without training: initial weights, first batch and data."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from bench.gate.sketch import Sketch, sketch_of
from bench.models.contract import Learner, weights_of
from bench.records.schema import Record, digest
from bench.training.data import load_data, orders_of
from bench.training.jobs import Job
from bench.training.loop import Progress
from bench.training.request import Training
from bench.training.train import build_learner
from tasks.contract import Dataset


def sketches_of(training: Training, learner: Learner, dataset: Dataset) -> dict[str, Sketch]:
    """The sketches of what a record has hashes of; learner: with its initial weights."""
    splits = (dataset.train, dataset.valid, dataset.test)
    order = next(iter(orders_of(training, len(dataset.train))))[: training.batch_size]
    parts = itertools.chain.from_iterable(
        (split.inputs, split.targets, split.mask, split.lengths, split.measured) for split in splits
    )
    return {
        "weights": sketch_of([value for _, value in sorted(weights_of(learner.state()).items())]),
        "first_batch": sketch_of([dataset.train.inputs[order], dataset.train.targets[order]]),
        "data": sketch_of([part for part in parts if part is not None]),
    }


@dataclass(frozen=True)
class SketchJob(Job):
    """A job that builds a training's learner and data, and trains nothing."""

    training: Training

    device = "cpu"
    steps = 0

    @property
    def label(self) -> str:
        return f"what it starts from: {self.training.label()}"

    def key(self) -> str:
        return digest(["sketch", self.training.key()])

    def perform(self, progress: Progress) -> Record:
        """{"sketches"}: by quantity."""
        dataset = load_data(self.training.task, self.training.seed, self.training.replicate)
        found: Mapping[str, Sketch] = sketches_of(self.training, build_learner(self.training, dataset), dataset)
        return {**self.describe(), "status": "ok", "error": None, "sketches": found}
