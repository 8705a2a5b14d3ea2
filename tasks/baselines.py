"""Predictors without a recurrent net, and the references that tasks make of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.losses import split_loss

ORDERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48)
"""Orders that `choose_linear_ar` tries, up to the length of the window."""

Predict = Callable[[Split], Array]
"""Predictions (or logits) for every sequence of a split, from its inputs alone."""


def persistence(inputs: Array, columns: Sequence[int], *, per_step: bool = False) -> Array:
    """The last values of `columns` in inputs `(N, T, I)`, repeated as predictions.

    Returns `(N, O)`, or `(N, T, O)` per step, with O = len(columns).
    """
    return inputs[..., list(columns)] if per_step else inputs[:, -1, list(columns)]


@dataclass(frozen=True, eq=False)
class LinearAR:
    """A linear autoregression with intercept on the last `order` steps of all inputs.

    weights: one `(k·I + 1, O)` float64 matrix for each history length k that it was fitted on; the last has k = order.
    Per-step predictions use the shorter ones at the start of a sequence, where less than `order` steps are known.
    """

    order: int
    weights: tuple[Array, ...]
    per_step: bool = False

    def predict(self, inputs: Array) -> Array:
        """Predictions `(N, O)`, or `(N, T, O)` per step, float64, for inputs `(N, T, I)`."""
        if not self.per_step:
            return _design(inputs, inputs.shape[1], self.order) @ self.weights[-1]
        steps = [
            _design(inputs, step, min(step, self.order)) @ self.weights[min(step, self.order) - 1]
            for step in range(1, inputs.shape[1] + 1)
        ]
        return np.stack(steps, axis=1)


def fit_linear_ar(inputs: Array, targets: Array, order: int, mask: Array | None = None) -> LinearAR:
    """Least squares in float64: inputs `(N, T, I)`, targets `(N, O)`, or `(N, T, O)` for a per-step prediction.

    mask: `(N, T)`, which steps of a per-step prediction count; None: all.
    """
    steps = inputs.shape[1]
    if not 1 <= order <= steps:
        raise ValueError(f"order {order} does not fit sequences of {steps} steps: expected 1 to {steps}")
    if targets.ndim == 2:
        return LinearAR(order, (_solve(_design(inputs, steps, order), targets),))
    weights = []
    for known in range(1, order + 1):  # all later steps share the full order
        ends = range(known, steps + 1) if known == order else (known,)
        design = np.concatenate([_design(inputs, end, known) for end in ends])
        wanted = np.concatenate([targets[:, end - 1] for end in ends])
        counts = slice(None) if mask is None else np.concatenate([mask[:, end - 1] for end in ends])
        weights.append(_solve(design[counts], wanted[counts]))
    return LinearAR(order, tuple(weights), per_step=True)


def choose_linear_ar(train: Split, valid: Split, orders: Sequence[int] = ORDERS) -> LinearAR:
    """The order with the least squared error on `valid`, each order fitted on `train`; ties go to the smaller."""
    possible = [order for order in orders if order <= train.inputs.shape[1]]
    fitted = [fit_linear_ar(train.inputs, train.targets, order, train.mask) for order in possible]
    errors = [split_loss("mse", model.predict(valid.inputs), valid) for model in fitted]
    return fitted[int(np.argmin(errors))]


def memoryless_copy_loss(length: int, delay: int, symbols: int = 8) -> float:
    """Nats a step of the best predictor without memory on the copy task: length·ln(symbols) / (delay + 2·length).

    It predicts every blank with certainty and guesses each recalled symbol (Arjovsky, Shah & Bengio 2016, section 4.1,
    where length is 10 and delay is T).
    """
    return length * math.log(symbols) / (delay + 2 * length)


def score(
    task: Task,
    name: str,
    kind: Literal["floor", "baseline", "limit"],
    predict: Predict,
    dataset: Dataset,
    how: str = "",
) -> Reference:
    """A reference from a predictor: the task's own loss on validation and test data, its metrics on test data."""
    valid, test = dataset.valid, dataset.test
    outputs = predict(test)
    return Reference(
        name,
        kind,
        split_loss(task.loss, outputs, test),
        task.score(outputs, test),
        how,
        split_loss(task.loss, predict(valid), valid),
        outputs if task.forecast_times is not None else None,  # for a figure: kept where there is one in order of time
    )


def naive_forecasts(task: Task, dataset: Dataset) -> dict[str, tuple[Predict, str]]:
    """The naive predictors that every forecasting task has, by name, with how they predict.

    The first columns of the inputs are the predicted ones. Both serve any horizon, as neither looks at it.
    """
    columns, mean = (
        range(task.output_size),
        dataset.train.targets.mean(axis=tuple(range(dataset.train.targets.ndim - 1))),
    )
    return {
        "persistence": (
            lambda split: persistence(split.inputs, columns, per_step=task.per_step),
            "repeats the last value of the window",
        ),
        "training_mean": (
            lambda split: np.broadcast_to(mean, split.targets.shape),
            "always the mean of the training targets",
        ),
    }


def best_naive(task: Task, dataset: Dataset, naive: Mapping[str, tuple[Predict, str]]) -> str:
    """The name of the predictor with the lowest loss on validation data; ties go to the first."""
    valid = dataset.valid
    losses = {name: split_loss(task.loss, predict(valid), valid) for name, (predict, _) in naive.items()}
    return min(losses, key=losses.__getitem__)


def forecast_references(
    task: Task,
    dataset: Dataset,
    naive: Mapping[str, tuple[Predict, str]],
    *,
    linear: LinearAR | None = None,
    floor: str | None = None,
) -> list[Reference]:
    """The references of a forecasting task: the floor, the other naive predictors, and a linear autoregression.

    floor: which of `naive` has skill 0; None: the one with the lowest loss on `dataset.valid`.
    linear: the fitted model; None: the order is chosen on validation data.
    """
    floor = floor or best_naive(task, dataset, naive)
    found = [
        score(task, name, "floor" if name == floor else "baseline", predict, dataset, how)
        for name, (predict, how) in sorted(naive.items(), key=lambda item: item[0] != floor)  # the floor first
    ]
    chosen = linear or choose_linear_ar(dataset.train, dataset.valid)
    order = f"order {chosen.order}" + ("" if linear else ", chosen on validation data")
    how = f"least squares on all inputs, {order}"
    return [*found, score(task, "linear_ar", "baseline", lambda split: chosen.predict(split.inputs), dataset, how)]


def noise_limit(noise: float) -> Reference:
    """The limit where Gaussian noise of this standard deviation is added to what is predicted: expected loss noise²."""
    how = "exact: the noise of the predicted value, noise², for any prediction; expected loss"
    return Reference("noise", "limit", noise**2, {"rmse": noise}, how, noise**2)


def _design(inputs: Array, end: int, order: int) -> Array:
    """`(N, order·I + 1)`: the `order` steps before `end`, and a one for the intercept."""
    lags = inputs[:, end - order : end].reshape(len(inputs), -1).astype(np.float64)
    return np.concatenate([lags, np.ones((len(inputs), 1))], axis=1)


def _solve(design: Array, targets: Array) -> Array:
    # lstsq and not the normal equations: neighbouring lags of a smooth series are almost collinear
    return np.asarray(np.linalg.lstsq(design, targets.astype(np.float64), rcond=None)[0])
