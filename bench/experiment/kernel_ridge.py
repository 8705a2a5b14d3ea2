"""Kernel ridge regression on the last steps of the window: the predictor without a net for laws that are not linear."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.losses import split_loss

NAME = "kernel_ridge"
SEQUENCES = 1500  # the newest of the training data: the time of a fit grows with the third power of their number
ORDERS = (1, 2, 3, 4, 6, 8, 12, 24, 48)
WIDTHS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)  # of the kernel, in median distances between sequences
PENALTIES = (1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 10.0)
START = (3, 2, 4)  # in each of these: where the search begins
VALIDATED = 1500  # of the validation data, evenly spaced: more would take longer than the trainings
KERNELS = 5_000_000  # at a time in a prediction: 40 MB


@dataclass(frozen=True, eq=False)
class KernelRidge:
    """seen: the last `order` steps of the training sequences, `(N, order·I)`. unit: of squared distances, their median.
    mean, weights: `(O,)` and `(N, O)`, the targets' mean and what each sequence adds to it for one that is like it."""

    order: int
    width: float
    penalty: float
    seen: Array
    unit: float
    mean: Array
    weights: Array

    def predict(self, inputs: Array) -> Array:
        """Predictions `(N, O)` float64 for inputs `(N, T, I)`."""
        steps = _last(inputs, self.order)
        parts = np.array_split(steps, len(steps) * len(self.seen) // KERNELS + 1)
        found = [_likeness(part, self.seen, self.width, self.unit) @ self.weights for part in parts]
        return np.asarray(self.mean + np.concatenate(found))


def kernel_ridge(task: Task, dataset: Dataset) -> Reference:
    """The reference that `choose` makes."""
    found = choose(dataset.train, dataset.valid)
    how = f"a regression with a Gaussian kernel on the last {found.order} steps, all of it chosen on validation data"
    return score(task, NAME, "baseline", lambda split: found.predict(split.inputs), dataset, how)


def choose(train: Split, valid: Split) -> KernelRidge:
    """The order, width and penalty with the least squared error on `valid`: a walk from the middle of their ranges to
    the best neighbour, until none is better."""
    axes = ([order for order in ORDERS if order <= train.inputs.shape[1]], WIDTHS, PENALTIES)
    some = slice(None, None, math.ceil(len(valid) / VALIDATED))
    measured = None if valid.measured is None else valid.measured[some]
    judge = Split(valid.inputs[some], valid.targets[some], measured=measured)
    losses: dict[tuple[int, ...], tuple[float, KernelRidge]] = {}

    def tried(at: tuple[int, ...]) -> float:
        if not all(0 <= i < len(axis) for i, axis in zip(at, axes, strict=True)):
            return math.inf
        if at not in losses:
            order, width, penalty = (axis[i] for i, axis in zip(at, axes, strict=True))
            found = fit(train, int(order), width, penalty)
            losses[at] = split_loss("mse", found.predict(judge.inputs), judge), found
        return losses[at][0]

    here = tuple(min(i, len(axis) - 1) for i, axis in zip(START, axes, strict=True))
    while True:
        steps = product(range(3), (-1, 1))
        near = [tuple(i + by * (k == axis) for k, i in enumerate(here)) for axis, by in steps]
        best = min([here, *near], key=tried)
        if best == here:
            return losses[here][1]
        here = best


def fit(train: Split, order: int, width: float, penalty: float) -> KernelRidge:
    """Saunders, Gammerman & Vovk 1998 (ICML): weights (K + penalty)⁻¹ (targets - mean), for the matrix K of kernels."""
    from scipy.linalg import cho_factor, cho_solve

    seen, targets = _last(train.inputs[-SEQUENCES:], order), train.targets[-SEQUENCES:].astype(np.float64)
    some = seen[:: len(seen) // 400 + 1]
    unit = float(np.median(_distances(some, some))) or 1.0
    alike = _likeness(seen, seen, width, unit)
    mean = targets.mean(axis=0)
    alike[np.diag_indices_from(alike)] += penalty
    weights = cho_solve(cho_factor(alike, overwrite_a=True), targets - mean)
    return KernelRidge(order, width, penalty, seen, unit, mean, weights)


def _last(inputs: Array, order: int) -> Array:
    return inputs[:, -order:].reshape(len(inputs), -1).astype(np.float64)


def _distances(first: Array, second: Array) -> Array:
    """Squared, `(N, M)`."""
    from scipy.spatial.distance import cdist  # takes a while, and most commands score no reference

    return np.asarray(cdist(first, second, "sqeuclidean"))


def _likeness(first: Array, second: Array, width: float, unit: float) -> Array:
    return np.exp(_distances(first, second) / (-2 * width**2 * unit))
