import math
from dataclasses import replace

import numpy as np
import pytest

from tasks.baselines import (
    choose_linear_ar,
    fit_linear_ar,
    forecast_references,
    memoryless_copy_loss,
    naive_forecasts,
    persistence,
    score,
)
from tasks.contract import Dataset, Split
from tasks.copy_memory import CopyMemory
from tasks.losses import mean_loss
from tasks.sine import Sine

INPUTS = np.arange(24.0).reshape(2, 4, 3)  # two sequences, four steps, three columns


def sine_windows(dtype):
    """Windows of the clean sine as the task makes them, in the precision that is asked for."""
    views = np.lib.stride_tricks.sliding_window_view(Sine().clean().astype(dtype), 11)
    return views[:690, :10, None], views[:690, 10:], views[850:, :10, None], views[850:, 10:]


@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e-20), (np.float32, 1e-12)])
def test_two_linear_coefficients_solve_the_clean_sine(dtype, bound):
    inputs, targets, test_inputs, test_targets = sine_windows(dtype)
    model = fit_linear_ar(inputs, targets, 2)
    assert mean_loss("mse", model.predict(test_inputs), test_targets) < bound


def test_those_coefficients_are_the_ones_of_theory():
    inputs, targets, *_ = sine_windows(np.float64)
    omega = 20 / 999
    np.testing.assert_allclose(
        fit_linear_ar(inputs, targets, 2).weights[0][:, 0], [-1, 2 * math.cos(omega), 0], atol=1e-9
    )


def test_one_coefficient_does_not_solve_it():
    inputs, targets, test_inputs, test_targets = sine_windows(np.float64)
    assert mean_loss("mse", fit_linear_ar(inputs, targets, 1).predict(test_inputs), test_targets) > 1e-5


def test_persistence_repeats_the_named_columns():
    np.testing.assert_array_equal(persistence(INPUTS, [2, 0]), [[11, 9], [23, 21]])
    np.testing.assert_array_equal(persistence(INPUTS, [1], per_step=True)[0], [[1], [4], [7], [10]])


def test_linear_ar_recovers_a_known_process():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((200, 5, 2))
    weights = rng.standard_normal((4, 3))  # two lags of two columns to three outputs
    targets = inputs[:, -2:].reshape(200, 4) @ weights + [1.0, -2.0, 0.5]
    model = fit_linear_ar(inputs, targets, 2)
    np.testing.assert_allclose(model.weights[0], [*weights, [1.0, -2.0, 0.5]], atol=1e-12)
    np.testing.assert_allclose(model.predict(inputs), targets, atol=1e-12)


def test_per_step_linear_ar_uses_only_the_past():
    rng = np.random.default_rng(1)
    series = rng.standard_normal((60, 7, 1)).cumsum(axis=1)
    inputs, targets = series[:, :-1], series[:, 1:]
    model = fit_linear_ar(inputs, targets, 3)
    predicted = model.predict(inputs)
    assert predicted.shape == targets.shape
    changed = inputs.copy()
    changed[:, 4:] = 99.0
    np.testing.assert_array_equal(model.predict(changed)[:, :4], predicted[:, :4])
    assert not np.allclose(model.predict(changed)[:, 4], predicted[:, 4])


def test_per_step_linear_ar_learns_from_every_step():
    series = np.random.default_rng(4).standard_normal((2, 12, 1))  # two sequences: one step of each is not enough
    for step in range(2, 12):
        series[:, step] = 1.2 * series[:, step - 1] - 0.8 * series[:, step - 2] + 0.3
    model = fit_linear_ar(series[:, :-1], series[:, 1:], 2)
    np.testing.assert_allclose(model.weights[-1][:, 0], [-0.8, 1.2, 0.3], atol=1e-10)


def test_per_step_agrees_with_per_sequence_at_the_only_full_step():
    rng = np.random.default_rng(2)
    inputs, targets = rng.standard_normal((40, 3, 2)), rng.standard_normal((40, 3, 1))
    whole = fit_linear_ar(inputs, targets, 3).predict(inputs)[:, -1]
    np.testing.assert_allclose(whole, fit_linear_ar(inputs, targets[:, -1], 3).predict(inputs), atol=1e-12)


@pytest.mark.parametrize("order", [0, 11])
def test_impossible_orders_are_refused(order):
    inputs, targets, *_ = sine_windows(np.float64)
    with pytest.raises(ValueError, match="expected 1 to 10"):
        fit_linear_ar(inputs, targets, order)


def test_the_order_is_chosen_on_validation_data():
    rng = np.random.default_rng(3)

    def lag_four(count):
        inputs = rng.standard_normal((count, 8, 1)).astype(np.float32)
        return Split(inputs, inputs[:, -4] + 0.1 * rng.standard_normal((count, 1)).astype(np.float32))

    assert choose_linear_ar(lag_four(300), lag_four(5000)).order == 4
    overfit = choose_linear_ar(lag_four(6), lag_four(5000), orders=(1, 8))  # 6 sequences determine no 9 coefficients
    assert overfit.order in (1, 8)


@pytest.mark.parametrize(("delay", "length"), [(10, 3), (20, 10), (1, 1), (100, 10)])
def test_memoryless_formula_is_the_measured_loss_of_the_memoryless_predictor(delay, length):
    task = CopyMemory(delay=delay, length=length)
    strings = np.random.default_rng(0).integers(0, 8, (50, length))
    targets = task.make_split(strings).targets
    logits = np.full((*targets.shape, 9), -np.inf)  # blanks, and then all eight symbols equally likely
    logits[:, :-length, 8] = 0.0
    logits[:, -length:, :8] = 0.0
    measured = mean_loss("cross_entropy", logits, targets)
    assert measured == pytest.approx(memoryless_copy_loss(length, delay), rel=1e-12)


def test_memoryless_loss_of_the_published_form():
    assert memoryless_copy_loss(10, 100) == pytest.approx(10 * math.log(8) / 120, rel=1e-15)


def test_score_uses_the_tasks_loss_and_metrics():
    test = Split(np.zeros((2, 10, 1), np.float32), np.array([[1.0], [2.0]], np.float32))
    valid = Split(np.zeros((1, 10, 1), np.float32), np.array([[3.0]], np.float32))
    dataset = Dataset(valid, valid, test)
    reference = score(Sine(), "zero", "baseline", lambda split: np.zeros((len(split), 1)), dataset, "zero")
    assert reference.loss == 2.5
    assert reference.valid_loss == 9
    assert reference.metrics == {"rmse": math.sqrt(2.5), "mae": 1.5}


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize(("spread", "floor"), [(0.0, "persistence"), (5.0, "training_mean")])
def test_the_floor_is_the_best_naive_predictor_on_validation_data(per_step, spread, floor):
    """On a slow signal the last value is best; under so much noise that nothing else counts, the mean is."""
    task = Sine(per_step=per_step, noise=spread)
    dataset = task.generate(0)
    found = forecast_references(task, dataset, naive_forecasts(task, dataset))
    assert [reference.kind for reference in found] == ["floor", "baseline", "baseline"]
    assert [reference.name for reference in found][::2] == [floor, "linear_ar"]
    worse = replace(dataset, test=replace(dataset.test, targets=dataset.test.targets + 100))  # not on test data
    assert forecast_references(task, worse, naive_forecasts(task, worse))[0].name == floor


def test_the_training_mean_is_that_of_the_training_targets():
    task = Sine(per_step=True)
    dataset = task.generate(0)
    predict, _ = naive_forecasts(task, dataset)["training_mean"]
    np.testing.assert_allclose(predict(dataset.test), dataset.train.targets.mean())
    assert predict(dataset.test).shape == dataset.test.targets.shape


def test_steps_that_do_not_count_are_not_fitted() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(30, 9, 1))
    targets, mask = np.zeros_like(inputs), np.zeros(inputs.shape[:2], dtype=bool)
    targets[:, 2:], mask[:, 4:] = inputs[:, :-2], True  # what stood two steps earlier
    wrong = np.where(mask[..., None], targets, 100.0)
    split = Split(inputs, wrong, mask)
    model = choose_linear_ar(split, split)
    assert model.order == 3
    np.testing.assert_allclose(model.predict(inputs)[mask], targets[mask], atol=1e-9)
