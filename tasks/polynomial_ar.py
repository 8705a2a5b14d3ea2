"""A polynomial of the last observations: the predictor without a net for a series with a polynomial law."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from math import comb

import numpy as np

from tasks.contract import Array, Split
from tasks.losses import split_loss

DEGREES = (2, 3, 4)
ORDERS = (1, 2, 3, 4)
SEQUENCES_A_FEATURE = 5  # of training data, at the least: with fewer, least squares mostly fits the noise


@dataclass(frozen=True, eq=False)
class PolynomialAR:
    """All products of up to `degree` values of the last `order` steps, weighted; weights: `(features, O)` float64."""

    order: int
    degree: int
    weights: Array

    def predict(self, inputs: Array) -> Array:
        """Predictions `(N, O)` float64 for inputs `(N, T, I)`."""
        return np.stack(list(_features(inputs, self.order, self.degree)), axis=1) @ self.weights


def fit_polynomial_ar(inputs: Array, targets: Array, order: int, degree: int) -> PolynomialAR:
    """Least squares in float64 for inputs `(N, T, I)` and targets `(N, O)`.

    The next-generation reservoir computer of Gauthier et al. 2021 (Nature Communications 12:5564), whose features are
    the last states and their products; without its ridge, as there are several sequences for each feature.
    """
    features = np.stack(list(_features(inputs, order, degree)), axis=1)
    weights = np.linalg.lstsq(features, targets.astype(np.float64), rcond=None)[0]
    return PolynomialAR(order, degree, np.asarray(weights))


def choose_polynomial_ar(train: Split, valid: Split) -> PolynomialAR | None:
    """That with the least squared error on `valid`, each fitted on `train`; None where `train` is too short for any."""
    count, steps, inputs = train.inputs.shape
    fitted = [
        fit_polynomial_ar(train.inputs, train.targets, order, degree)
        for order, degree in product(ORDERS, DEGREES)
        if order <= steps and SEQUENCES_A_FEATURE * comb(order * inputs + degree, degree) <= count
    ]
    return min(fitted, key=lambda one: split_loss("mse", one.predict(valid.inputs), valid), default=None)


def _features(inputs: Array, order: int, degree: int) -> Iterator[Array]:
    """`(N,)` each: a one, the values of the last `order` steps, and their products of two to `degree` factors."""
    values = inputs[:, -order:].reshape(len(inputs), -1).astype(np.float64)
    for factors in range(degree + 1):
        for columns in combinations_with_replacement(range(values.shape[1]), factors):
            yield values[:, list(columns)].prod(axis=1)
