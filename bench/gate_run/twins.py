"""The NumPy cells against torch's: the same losses in float64, step by step."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.gate.replicates import CellName
from bench.records import SCHEMA, Record, digest
from bench.training import Progress, Training, batches_of, build_learner, load_data
from tasks.contract import Array

STEPS = 50
PREFIX = "numpy_"


def twins_of(cells: Sequence[CellName]) -> list[tuple[CellName, CellName]]:
    """The pairs (torch's cell, NumPy's cell) among these, by their names."""
    pairs = [(CellName(cell.task, cell.model.removeprefix(PREFIX)), cell) for cell in cells]
    return [(first, second) for first, second in pairs if first != second and first in cells]


@dataclass(frozen=True)
class TwinsJob:
    """Train both for a few steps in float64, from the same weights on the same batches."""

    first: Training
    second: Training

    label = "comparing a NumPy cell with torch's"
    steps = STEPS
    cost = 0.0

    def key(self) -> str:
        return digest(["twins", self.first.key(), self.second.key()])

    def describe(self) -> Record:
        return {"schema": SCHEMA, "key": self.key()}

    def perform(self, progress: Progress) -> Record:
        """{"difference"}: the largest relative difference of the losses."""
        first, second = _losses(self.first), _losses(self.second)
        difference = float(np.max(np.abs(first - second) / np.maximum(np.abs(first), 1e-300)))
        return {**self.describe(), "difference": difference}


def _losses(training: Training) -> Array:
    training = replace(training, settings=replace(training.settings, dtype="float64", device="cpu"))
    dataset = load_data(training.task, training.seed, training.replicate)
    learner = build_learner(training, dataset)
    batches = batches_of(training, learner, dataset.train)
    return learner.losses([learner.train_step(batch) for batch in itertools.islice(batches, STEPS)])
