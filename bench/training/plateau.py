"""Halve the learning rate when the validation loss stops falling, as `ReduceLROnPlateau` does."""

from __future__ import annotations

import math


class Plateau:
    """Counts evaluations without improvement, with PyTorch's defaults (mode "min", relative threshold 1e-4).

    It is not taken from torch because the NumPy learners run without torch.
    """

    factor = 0.5
    threshold = 1e-4
    smallest_change = 1e-8  # of the learning rate; smaller changes are not made

    def __init__(self, patience: int | None) -> None:
        self.patience = patience  # evaluations without improvement that are tolerated; None: never reduce
        self.best, self.bad = math.inf, 0

    def next_rate(self, rate: float, loss: float) -> float:
        """Add a validation loss and return the learning rate for the next steps."""
        lower = rate * self.factor
        return lower if self.reduce(loss) and rate - lower > self.smallest_change else rate

    def reduce(self, loss: float) -> bool:
        """Add a validation loss and return whether the learning rate should be reduced."""
        if self.patience is None:
            return False
        if loss < self.best * (1 - self.threshold):
            self.best, self.bad = loss, 0
            return False
        self.bad += 1
        if self.bad <= self.patience:
            return False
        self.bad = 0
        return True
