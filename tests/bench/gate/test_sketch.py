"""Sketches: what rounding changes is alike, what was drawn anew is not, and the distance is the Euclidean one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.gate.sketch import ALIKE, SAME, sketch_of


def weights(seed: int, size: int = 3000) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.2, 0.2, size).astype(np.float32)


def test_a_sketch_is_the_same_numbers_on_every_machine() -> None:
    """The signs are those of a stream that NumPy promises to keep."""
    size, norm, projections = sketch_of([np.arange(1.0, 9.0)])
    assert (size, norm) == (8, pytest.approx(math.sqrt(204)))
    assert projections == (-16.0, 10.0, -2.0, -2.0)


def test_rounding_is_alike_and_another_initialisation_is_not() -> None:
    own = weights(0).astype(np.float64)
    rounded = own * (1 + 1.5e-8 * np.random.default_rng(1).choice([-1, 1], len(own)))
    assert SAME < sketch_of([own]).distance(sketch_of([rounded])) < ALIKE / 10
    others = [sketch_of([own]).distance(sketch_of([weights(seed)])) for seed in range(1, 200)]
    assert min(others) > 0.1


def test_the_distance_estimates_the_euclidean_one() -> None:
    """Mean square of the sums: the right one on average, over arrays (Alon, Matias & Szegedy 1996)."""
    squares = []
    for seed in range(300):
        own, noise = weights(seed, 50), 1e-3 * weights(seed + 1000, 50)
        true = float(np.linalg.norm(noise) / np.linalg.norm(own))
        squares.append((sketch_of([own]).distance(sketch_of([own.astype(float) + noise])) / true) ** 2)
    assert np.mean(squares) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        (lambda w: w[::-1], False),  # the same values in another order
        (lambda w: w.reshape(60, 50), True),  # a shape is no value
        (lambda w: w * 0.5, False),
        (lambda w: -w, False),
        (lambda w: w[:-1], False),
        (lambda w: np.where(np.arange(len(w)) == 7, 0.3, w), False),  # one of 3,000
    ],
)
def test_what_is_another_value(change: object, alike: bool) -> None:
    own = weights(0)
    assert (sketch_of([own]).distance(sketch_of([change(own)])) <= ALIKE) is alike  # type: ignore[operator]


def test_values_of_any_type_and_none() -> None:
    tokens, mask = np.arange(10), np.array([True, False])
    assert sketch_of([tokens, mask]) == sketch_of([tokens.astype(float), np.array([1.0, 0.0])])
    nothing = sketch_of([])
    assert (nothing.size, nothing.norm, nothing.distance(nothing)) == (0, 0.0, 0.0)
    assert sketch_of([np.zeros(3)]).distance(sketch_of([np.ones(3)])) == math.inf
    assert sketch_of([np.array([1.0, math.nan, math.inf])]) == sketch_of([np.array([1.0, 0.0, 0.0])])
