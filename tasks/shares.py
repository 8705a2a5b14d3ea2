"""How often each class followed on each key: what predictors know that look their answers up in the training data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.contract import Array

DIGITS = 12  # of a loss: below these is rounding, which would decide between equal ones
WEIGHTS = (1.0, 1e-2, 1e-4)  # as how many occurrences of a key the shares of all answers count


@dataclass(frozen=True, eq=False)
class Shares:
    """seen: `(K,)`, the keys that occurred, in order. logits: `(K + 1, O)`, of each of them, and at the end of all
    others."""

    seen: Array
    logits: Array

    def predict(self, keys: Array) -> Array:
        """Logits `(…, O)` for keys `(…)`."""
        places = np.minimum(np.searchsorted(self.seen, keys), len(self.seen) - 1)
        return self.logits[np.where(self.seen[places] == keys, places, len(self.seen))]


@dataclass(frozen=True, eq=False)
class Counts:
    """seen: `(K,)`, the keys that occur, in order. sums: `(K, O)`, how often each class (or label) followed on each.
    times: `(K, 1)`, how often it occurs. exclusive: whether each answer is one class, not several labels."""

    seen: Array
    sums: Array
    times: Array
    exclusive: bool

    @property
    def prior(self) -> Array:
        """`(O,)`: the shares of all answers, with one more of each, so that none is 0 or 1."""
        more = self.sums.shape[1] if self.exclusive else 2
        return np.asarray((self.sums.sum(axis=0) + 1) / (self.times.sum() + more))

    def best(self) -> tuple[float, float]:
        """The lowest mean loss of all answers, each predicted from the others on its key and the shares of all; and the
        weight of these that has it.

        So validation data can still tell whether it is a good predictor. Of equal ones the largest weight.
        """
        return min(((round(self._left_out(weight), DIGITS), weight) for weight in WEIGHTS), key=lambda one: one[0])

    def shares(self, weight: float) -> Shares:
        """The table that predicts with this weight of the prior."""
        likely = np.vstack([(self.sums + weight * self.prior) / (self.times + weight), self.prior])
        return Shares(self.seen, np.log(likely) if self.exclusive else np.log(likely / (1 - likely)))

    def _left_out(self, weight: float) -> float:
        """All answers of one class that follow on one key are predicted alike, so the counts are enough."""
        sums, times, prior = self.sums, self.times, self.prior
        others = times - 1 + weight
        right = (np.maximum(sums - 1, 0) + weight * prior) / others
        total = -(sums * np.log(right)).sum()
        if self.exclusive:
            return float(total / times.sum())
        wrong = (np.minimum(sums, times - 1) + weight * prior) / others
        return float((total - ((times - sums) * np.log(1 - wrong)).sum()) / (times.sum() * sums.shape[1]))


def count(keys: Array, answers: Array, classes: int) -> Counts:
    """keys: `(N,)` whole numbers from 0. answers: `(N,)` classes, or `(N, classes)` labels of 0 and 1."""
    exclusive, seen = answers.ndim == 1, None
    if int(keys.max()) * classes > keys.size:  # more counters than answers: a sort takes less
        seen, keys = np.unique(keys, return_inverse=True)
    times = np.bincount(keys)
    if exclusive:
        wanted = answers.astype(np.int64)
        sums = np.bincount(keys * classes + wanted, minlength=len(times) * classes).reshape(-1, classes)
    else:
        sums = np.stack([np.bincount(keys, column) for column in answers.astype(np.float64).T], axis=1)
    occurring = np.flatnonzero(times)
    return Counts(occurring if seen is None else seen, sums[occurring], times[occurring, None], exclusive)
