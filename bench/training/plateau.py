"""Halve the learning rate when the validation loss has stopped falling, as `ReduceLROnPlateau` does."""

from __future__ import annotations

import math


class Plateau:
    """Counts evaluations without improvement: with PyTorch's defaults (mode "min", relative threshold 1e-4).

    Written here and not taken from torch because the NumPy learners must run without it.
    """

    factor = 0.5
    threshold = 1e-4
    smallest_change = 1e-8  # of the learning rate; a smaller one is not made

    def __init__(self, patience: int | None) -> None:
        self.patience = patience  # evaluations without improvement that are borne; None: never reduce
        self.best, self.bad = math.inf, 0

    def next_rate(self, rate: float, loss: float) -> float:
        """Take in a validation loss; returns the learning rate from here on."""
        lower = rate * self.factor
        return lower if self.reduce(loss) and rate - lower > self.smallest_change else rate

    def reduce(self, loss: float) -> bool:
        """Take in a validation loss; True: it is time for a lower learning rate."""
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
