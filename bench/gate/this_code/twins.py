"""Compare the NumPy cells with torch's in float64: the losses of every step, and the gradients of the first.

Adam is invariant to the scale of a gradient, so losses alone would not reveal a gradient that is wrong by a factor.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.gate.replicates import CellName
from bench.records.schema import Record, digest
from bench.training.data import batches_of, load_data
from bench.training.jobs import Job
from bench.training.loop import Progress
from bench.training.request import Training
from bench.training.train import build_learner
from tasks.contract import Array

STEPS = 50
PREFIX = "numpy_"
TINY = 1e-300  # avoids 0 / 0


def twins_of(cells: Sequence[CellName]) -> list[tuple[CellName, CellName]]:
    """Find the pairs (torch's cell, NumPy's cell) by their names."""
    pairs = [(CellName(cell.task, cell.model.removeprefix(PREFIX)), cell) for cell in cells]
    return [(first, second) for first, second in pairs if first != second and first in cells]


@dataclass(frozen=True)
class TwinsJob(Job):
    """A job that trains both for a few steps in float64, from the same weights on the same batches."""

    first: Training
    second: Training

    device = "cpu"
    label = "comparing a NumPy cell with torch's"
    steps = STEPS

    def key(self) -> str:
        return digest(["twins", self.first.key(), self.second.key()])

    def perform(self, progress: Progress) -> Record:
        """Return {"losses", "gradients"}: the largest relative difference; a gradient's is to its largest entry."""
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
    """Return the losses of all steps, and by name a tenth of the first step's gradients (Adam's first moment)."""
    training = replace(training, settings=replace(training.settings, dtype="float64", device="cpu"))
    dataset = load_data(training.task, training.seed, training.replicate)
    learner = build_learner(training, dataset)
    batches = batches_of(training, learner, dataset.train)
    losses = [learner.train_step(next(batches))]
    gradients = {name: value for name, value in learner.state().items() if name.startswith("adam.m.")}
    losses += [learner.train_step(batch) for batch in itertools.islice(batches, STEPS - 1)]
    return learner.losses(losses), gradients
