"""Logistic regressions on all that a sequence has shown: the predictors without a net for answers at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Loss, Reference, Split, Task
from tasks.losses import mean_loss

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8)  # of the weights' squares, in this order, until it gets worse
HEAVIER = (10.0, 1.0, *PENALTIES)  # where there are about as many features as inputs of a sequence
ITERATIONS = 100  # of a fit, which begins at the weights of the penalty before
SEQUENCES = 1000  # of training data that it is fitted on: more take minutes
MOST_WEIGHTS = 200_000  # of all fits of one predictor: more take minutes

Features = Callable[[Array], Array]
"""`(N, F)` float64 of inputs `(N, T, I)`."""


@dataclass(frozen=True, eq=False)
class Regression:
    """Logits that are linear in features.

    varying: which of these differ between training sequences. means, spreads: of those, `(F,)`. weights: `(F + 1, O)`,
    the last row that of the intercept.
    """

    varying: Array
    means: Array
    spreads: Array
    weights: Array

    def predict(self, features: Array) -> Array:
        """Logits `(N, O)`."""
        return np.asarray(_design(features[:, self.varying], self.means, self.spreads) @ self.weights)


@dataclass(frozen=True, eq=False)
class Regressions:
    """A regression for each of the last steps, on the features of all inputs up to it."""

    features: Features
    last: tuple[Regression, ...]

    def predict(self, split: Split) -> Array:
        """Logits `(N, T, O)` for inputs `(N, T, I)`: 0 at the steps that have no regression."""
        inputs, steps = split.inputs, split.inputs.shape[1]
        outputs = np.zeros((len(inputs), steps, self.last[0].weights.shape[1]))
        for step, regression in enumerate(self.last, start=steps - len(self.last)):
            outputs[:, step] = regression.predict(self.features(inputs[:, : step + 1]))
        return outputs


def logistic_references(task: Task, dataset: Dataset) -> list[Reference]:
    """Regressions on what a sequence contains, in whatever order, and on its inputs in their order.

    None where an answer is asked for before the end; and none that would take minutes.
    """
    asked, found = steps_asked_at_the_end(dataset.train), []
    for name, features, penalties, on in (
        ("bag_of_steps", contents, PENALTIES, "how often each input, and each pair of inputs in one step, occurred"),
        ("logistic", in_order, HEAVIER, "all inputs up to the answer, each step's by themselves"),
    ):
        columns = features(dataset.train.inputs[:1]).shape[1]
        if 0 < asked * columns * task.output_size <= MOST_WEIGHTS:
            model = choose_regressions(features, penalties, dataset.train, dataset.valid, task.loss, task.output_size)
            found.append(score(task, name, "baseline", model.predict, dataset, f"a logistic regression on {on}"))
    return found


def steps_asked_at_the_end(split: Split) -> int:
    """How many steps every sequence is asked for at its end, at most half of all; 0 where it is asked before, too."""
    if split.mask is None:
        return 0
    asked = int(split.mask[0].sum())
    at_the_end = split.mask[:, -asked:].all() and not split.mask[:, :-asked].any()
    return asked if at_the_end and 2 * asked <= split.mask.shape[1] else 0


def choose_regressions(
    features: Features, penalties: Sequence[float], train: Split, valid: Split, loss: Loss, classes: int
) -> Regressions:
    """Each fitted on the answers of `train` to one step, with one penalty after the other until `valid` is predicted no
    better.

    loss: "cross_entropy", or "binary_cross_entropy" with targets `(N, T, classes)` of 0 and 1.
    """
    steps, asked = train.inputs.shape[1], steps_asked_at_the_end(train)

    def chosen(step: int) -> Regression:
        shown, answers = features(train.inputs[:SEQUENCES, : step + 1]), train.targets[:SEQUENCES, step]
        unseen = features(valid.inputs[:, : step + 1])
        varying = np.flatnonzero(np.ptp(shown, axis=0))
        means, spreads = shown[:, varying].mean(axis=0), shown[:, varying].std(axis=0)
        design = _design(shown[:, varying], means, spreads)
        wanted = np.eye(classes)[answers] if loss == "cross_entropy" else answers.astype(np.float64)
        best, least = Regression(varying, means, spreads, np.zeros((design.shape[1], classes))), math.inf
        for penalty in penalties:
            fitted = replace(best, weights=_fit(design, wanted, loss, penalty, best.weights))
            error = mean_loss(loss, fitted.predict(unseen), valid.targets[:, step])
            if error >= least:
                break
            best, least = fitted, error
        return best

    return Regressions(features, tuple(chosen(step) for step in range(steps - asked, steps)))


def contents(inputs: Array) -> Array:
    """`(N, I + I·(I - 1)/2)` float64: the sums over the steps of each feature, and of each product of two."""
    values = inputs.astype(np.float64)
    products = np.matmul(values.swapaxes(1, 2), values)
    first, second = np.triu_indices(inputs.shape[2], 1)
    return np.concatenate([values.sum(axis=1), products[:, first, second]], axis=1)


def in_order(inputs: Array) -> Array:
    """`(N, T·I)` float64."""
    return inputs.reshape(len(inputs), -1).astype(np.float64)


def _fit(design: Array, wanted: Array, loss: Loss, penalty: float, start: Array) -> Array:
    """The weights `(F + 1, O)` with the least mean loss + penalty / 2 · their squares, but for the intercept's, as far
    as `ITERATIONS` go."""
    from scipy.optimize import minimize  # takes a while, and most commands score no reference
    from scipy.special import expit, logsumexp, softmax

    counted = np.ones_like(start)
    counted[-1] = 0

    def objective(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(start.shape)
        logits = design @ weights
        if loss == "cross_entropy":
            value = (logsumexp(logits, axis=1) - (logits * wanted).sum(axis=1)).mean()
            slope = design.T @ (softmax(logits, axis=1) - wanted) / len(wanted)
        else:
            value = (np.logaddexp(0, logits) - logits * wanted).mean()
            slope = design.T @ (expit(logits) - wanted) / wanted.size
        penalised = penalty * counted * weights
        return float(value + (penalised * weights).sum() / 2), (slope + penalised).ravel()

    found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS})
    return np.asarray(found.x).reshape(start.shape)


def _design(sums: Array, means: Array, spreads: Array) -> Array:
    """`(N, F + 1)`: standardised sums, and a one for the intercept."""
    return np.concatenate([(sums - means) / spreads, np.ones((len(sums), 1))], axis=1)
