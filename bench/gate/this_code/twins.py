"""The NumPy cells against torch's in float64: the same losses step by step, and the same gradients at the first.

Adam does not mind the size of a gradient, so losses alone would not show one that is wrong by a factor.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.gate.replicates import CellName
from bench.records.schema import SCHEMA, Record, digest
from bench.training.data import batches_of, load_data
from bench.training.loop import Progress
from bench.training.request import Training
from bench.training.train import build_learner
from tasks.contract import Array

STEPS = 50
PREFIX = "numpy_"
TINY = 1e-300  # keeps 0 / 0 from being no number


def twins_of(cells: Sequence[CellName]) -> list[tuple[CellName, CellName]]:
    """The pairs (torch's cell, NumPy's cell) among these, by their names."""
    pairs = [(CellName(cell.task, cell.model.removeprefix(PREFIX)), cell) for cell in cells]
    return [(first, second) for first, second in pairs if first != second and first in cells]


@dataclass(frozen=True)
class TwinsJob:
    """Train both for a few steps in float64, from the same weights on the same batches."""

    first: Training
    second: Training

    device = "cpu"
    label = "comparing a NumPy cell with torch's"
    steps = STEPS
    epoch_steps = None
    cost = 0.0

    def key(self) -> str:
        return digest(["twins", self.first.key(), self.second.key()])

    def describe(self) -> Record:
        return {"schema": SCHEMA, "key": self.key()}

    def perform(self, progress: Progress) -> Record:
        """{"losses", "gradients"}: the largest relative difference, of a gradient to its tensor's largest entry."""
        (losses, gradients), (other_losses, other_gradients) = _steps(self.first), _steps(self.second)
        return {
            **self.describe(),
            "losses": float(np.max(np.abs(losses - other_losses) / np.maximum(np.abs(losses), TINY))),
            "gradients": max(
                float(np.max(np.abs(gradient - other_gradients[name])) / max(float(np.max(np.abs(gradient))), TINY))
                for name, gradient in gradients.items()
            ),
        }


def _steps(training: Training) -> tuple[Array, dict[str, Array]]:
    """The losses of the steps, and by name the gradients of the first (a tenth of each: Adam's first moment)."""
    training = replace(training, settings=replace(training.settings, dtype="float64", device="cpu"))
    dataset = load_data(training.task, training.seed, training.replicate)
    learner = build_learner(training, dataset)
    batches = batches_of(training, learner, dataset.train)
    losses = [learner.train_step(next(batches))]
    gradients = {name: value for name, value in learner.state().items() if name.startswith("adam.m.")}
    losses += [learner.train_step(batch) for batch in itertools.islice(batches, STEPS - 1)]
    return learner.losses(losses), gradients
