"""A logistic regression on what a sequence contains, in whatever order: for one answer at its end."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Loss, Reference, Split, Task
from tasks.losses import split_loss

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8)  # of the weights' squares, in this order, until it gets worse
ITERATIONS = 100  # of a fit, which begins at the weights of the penalty before
SEQUENCES = 1000  # of training data that it is fitted on: more take minutes


@dataclass(frozen=True, eq=False)
class BagOfSteps:
    """Logits that are linear in the sums, over all steps, of each feature and of each product of two features.

    varying: which of these differ between training sequences. means, spreads: of those, `(F,)`. weights: `(F + 1, O)`,
    the last row that of the intercept.
    """

    varying: Array
    means: Array
    spreads: Array
    weights: Array

    def predict(self, inputs: Array) -> Array:
        """Logits `(N, T, O)` for inputs `(N, T, I)`, the same at every step."""
        design = _design(_sums(inputs)[:, self.varying], self.means, self.spreads)
        return np.repeat((design @ self.weights)[:, None], inputs.shape[1], axis=1)


def bag_of_steps(task: Task, dataset: Dataset) -> Reference:
    """The score of the regression with the penalty that does best on validation data."""
    found = choose_bag_of_steps(dataset.train, dataset.valid, task.loss, task.output_size)
    how = "a logistic regression on how often each input, and each pair of inputs in one step, occurred"
    return score(task, "bag_of_steps", "baseline", lambda split: found.predict(split.inputs), dataset, how)


def is_asked_at_the_end(split: Split) -> bool:
    """Whether every sequence has one answer, after its last step."""
    return split.mask is not None and bool(split.mask[:, -1].all() and not split.mask[:, :-1].any())


def choose_bag_of_steps(train: Split, valid: Split, loss: Loss, classes: int) -> BagOfSteps:
    """Fitted on the last step's answers of `train`, with one penalty after the other until `valid` is predicted worse.

    loss: "cross_entropy", or "binary_cross_entropy" with targets `(N, T, classes)` of 0 and 1.
    """
    sums = _sums(train.inputs[:SEQUENCES])
    varying = np.flatnonzero(np.ptp(sums, axis=0))
    means, spreads = sums[:, varying].mean(axis=0), sums[:, varying].std(axis=0)
    design, answers = _design(sums[:, varying], means, spreads), train.targets[:SEQUENCES, -1]
    wanted = np.eye(classes)[answers] if loss == "cross_entropy" else answers.astype(np.float64)
    best = BagOfSteps(varying, means, spreads, np.zeros((design.shape[1], classes)))
    least = math.inf
    for penalty in PENALTIES:
        fitted = replace(best, weights=_fit(design, wanted, loss, penalty, best.weights))
        error = split_loss(loss, fitted.predict(valid.inputs), valid)
        if error >= least:
            break
        best, least = fitted, error
    return best


def _fit(design: Array, wanted: Array, loss: Loss, penalty: float, start: Array) -> Array:
    """The weights `(F + 1, O)` with the least mean loss + penalty / 2 · their squares, but for the intercept's."""
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


def _sums(inputs: Array) -> Array:
    """`(N, I + I·(I - 1)/2)` float64: the sums over the steps of each feature, and of each product of two."""
    values = inputs.astype(np.float64)
    products = np.matmul(values.swapaxes(1, 2), values)
    first, second = np.triu_indices(inputs.shape[2], 1)
    return np.concatenate([values.sum(axis=1), products[:, first, second]], axis=1)


def _design(sums: Array, means: Array, spreads: Array) -> Array:
    """`(N, F + 1)`: standardised sums, and a one for the intercept."""
    return np.concatenate([(sums - means) / spreads, np.ones((len(sums), 1))], axis=1)
