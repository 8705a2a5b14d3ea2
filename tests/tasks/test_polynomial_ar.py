from math import comb

import numpy as np
import pytest

from tasks.contract import Split
from tasks.polynomial_ar import choose_polynomial_ar, fit_polynomial_ar
from tasks.regression import Regression


def random_split(count, steps=3, inputs=2, seed=0):
    values = np.random.default_rng(seed).standard_normal((count, steps, inputs)).astype(np.float32)
    x, y = values[:, -1, 0].astype(float), values[:, -2, 1].astype(float)
    return Split(values, np.stack([1 - 2 * x + 3 * x * y * y, x * x], axis=1))


def test_a_polynomial_law_is_found_exactly():
    train, test = random_split(200), random_split(50, seed=1)
    fitted = fit_polynomial_ar(train.inputs, train.targets, order=2, degree=3)
    assert fitted.weights.shape == (comb(4 + 3, 3), 2)
    np.testing.assert_allclose(fitted.predict(test.inputs), test.targets, atol=1e-10)


def test_it_agrees_with_scikit_learns_polynomial_features():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    train, test = random_split(120), random_split(30, seed=2)
    targets = train.targets + np.random.default_rng(3).standard_normal(train.targets.shape)
    features = preprocessing.PolynomialFeatures(4)
    design = features.fit_transform(train.inputs[:, -1].astype(float))
    weights = np.linalg.lstsq(design, targets, rcond=None)[0]
    expected = features.transform(test.inputs[:, -1].astype(float)) @ weights
    fitted = fit_polynomial_ar(train.inputs, targets, order=1, degree=4)
    np.testing.assert_allclose(fitted.predict(test.inputs), expected, rtol=1e-8, atol=1e-8)


def test_order_and_degree_are_chosen_on_validation_data():
    chosen = choose_polynomial_ar(random_split(400), random_split(100, seed=1))
    assert chosen is not None
    assert (chosen.order, chosen.degree) == (2, 3)


def test_a_short_training_part_has_fewer_features_or_none():
    chosen = choose_polynomial_ar(random_split(5 * comb(2 + 2, 2)), random_split(100, seed=1))
    assert chosen is not None
    assert (chosen.order, chosen.degree) == (1, 2)
    assert choose_polynomial_ar(random_split(5 * comb(2 + 2, 2) - 1), random_split(100, seed=1)) is None


def test_the_polynomial_comes_near_the_limit_of_the_lorenz_system_and_a_short_series_has_none():
    task = Regression()
    loss = {r.name: r.loss for r in task.references(task.generate(0))}
    assert loss["noise"] < loss["polynomial_ar"] < loss["linear_ar"] / 10
    short = Regression(points=71)
    assert "polynomial_ar" not in {r.name for r in short.references(short.generate(0))}
