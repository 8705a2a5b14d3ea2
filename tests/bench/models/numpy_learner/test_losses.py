"""The losses against the tasks' own definition, and their gradients against central differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.models.numpy_learner.losses import LOSS_FUNCTIONS
from tasks.contract import LOSSES, Array, Loss
from tasks.losses import mean_loss


def example(loss: Loss, shape: tuple[int, ...], seed: int) -> tuple[Array, Array]:
    """Outputs `(O, B)` or `(T, O, B)` and targets."""
    rng = np.random.default_rng(seed)
    outputs = 3 * rng.normal(size=shape)
    if loss == "cross_entropy":
        return outputs, rng.integers(0, shape[-2], (*shape[:-2], shape[-1]))
    return outputs, rng.normal(size=shape) if loss == "mse" else rng.random(shape)


@given(
    loss=st.sampled_from(LOSSES),
    shape=st.lists(st.integers(1, 5), min_size=2, max_size=3).map(tuple),
    masked=st.booleans(),
    seed=st.integers(0, 999),
)
def test_value_and_gradient(loss: Loss, shape: tuple[int, ...], masked: bool, seed: int) -> None:
    outputs, targets = example(loss, shape, seed)
    mask = None
    if masked and len(shape) == 3:
        mask = np.random.default_rng(seed).random((shape[0], shape[-1])) < 0.5
        mask[0, 0] = True
    before = outputs.copy()
    value, gradient = LOSS_FUNCTIONS[loss](outputs, targets, mask)
    np.testing.assert_array_equal(outputs, before)

    def last(array: Array) -> Array:  # sequences first, as in a task
        return np.moveaxis(array, -1, 0)

    def defined(outputs: Array) -> float:
        return mean_loss(loss, last(outputs), last(targets), None if mask is None else last(mask))

    assert value == pytest.approx(defined(outputs), rel=1e-12)
    for index in np.ndindex(shape):
        step = np.zeros(shape)
        step[index] = 1e-4
        slope = (defined(outputs + step) - defined(outputs - step)) / 2e-4
        assert gradient[index] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_steps_outside_the_mask_may_hold_anything(loss: Loss) -> None:
    outputs, targets = example(loss, (2, 3, 2), 0)
    mask = np.array([[True, False], [True, True]])
    expected = LOSS_FUNCTIONS[loss](outputs, targets, mask)
    outputs[0, :, 1] = np.nan
    with np.errstate(invalid="ignore"):
        value, gradient = LOSS_FUNCTIONS[loss](outputs, targets, mask)
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    assert not gradient[0, :, 1].any()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_in_which_nothing_counts_changes_nothing(loss: Loss) -> None:
    outputs, targets = example(loss, (2, 3, 2), 0)
    value, gradient = LOSS_FUNCTIONS[loss](outputs, targets, np.zeros((2, 2), bool))
    assert value == 0
    assert not gradient.any()


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_large_logits_do_not_overflow(loss: Loss) -> None:
    outputs = np.float32([[1e4], [-1e4]])
    targets = np.array([1]) if loss == "cross_entropy" else np.float32([[0], [0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value, gradient = LOSS_FUNCTIONS[loss](outputs, targets, None)
    assert value == pytest.approx(2e4 if loss == "cross_entropy" else 5e3)
    assert gradient.dtype == np.float32
    assert np.isfinite(gradient).all()
