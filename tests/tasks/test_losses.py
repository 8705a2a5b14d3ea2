import math

import numpy as np
import pytest
from scipy.special import log_softmax

from tasks.contract import Split
from tasks.losses import elementwise_loss, mean_loss, split_loss


def test_mse_by_hand():
    outputs, targets = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 4.0]])
    np.testing.assert_array_equal(elementwise_loss("mse", outputs, targets), [[0, 4], [9, 0]])
    assert mean_loss("mse", outputs, targets) == 13 / 4


def test_what_was_not_measured_does_not_count():
    outputs, targets = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 4.0]])
    split = Split(np.zeros((2, 3, 1)), targets, measured=np.array([[True, True], [False, True]]))
    assert split_loss("mse", outputs, split) == 4 / 3
    assert split_loss("mse", outputs, Split(split.inputs, targets)) == 13 / 4


def test_the_mask_of_steps_counts():
    split = Split(np.zeros((2, 2, 1)), np.zeros((2, 2, 1)), np.array([[True, False], [True, True]]))
    assert split_loss("mse", np.array([[[1.0], [9.0]], [[2.0], [3.0]]]), split) == 14 / 3


def test_cross_entropy_agrees_with_scipy():
    rng = np.random.default_rng(0)
    logits, classes = 5 * rng.standard_normal((4, 6, 3)), rng.integers(0, 3, (4, 6))
    expected = -np.take_along_axis(log_softmax(logits, axis=-1), classes[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(elementwise_loss("cross_entropy", logits, classes), expected, rtol=1e-12)


def test_equal_logits_cost_log_of_the_number_of_classes():
    assert mean_loss("cross_entropy", np.zeros((5, 9)), np.arange(5)) == pytest.approx(math.log(9), rel=1e-15)


def test_binary_cross_entropy_agrees_with_the_textbook_form():
    rng = np.random.default_rng(1)
    logits, targets = rng.standard_normal((5, 4)), rng.integers(0, 2, (5, 4)).astype(float)
    p = 1 / (1 + np.exp(-logits))
    expected = -(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    np.testing.assert_allclose(elementwise_loss("binary_cross_entropy", logits, targets), expected, rtol=1e-12)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_large_logits_do_not_overflow(loss):
    logits = np.array([[1000.0, -1000.0]])
    right, wrong = ([0], [1]) if loss == "cross_entropy" else ([[1.0, 0.0]], [[0.0, 1.0]])
    assert mean_loss(loss, logits, np.array(right)) == 0
    assert mean_loss(loss, logits, np.array(wrong)) == (2000 if loss == "cross_entropy" else 1000)


def test_the_mask_decides_which_steps_count():
    outputs, targets = np.array([[[1.0, 3.0], [5.0, 5.0]]]), np.zeros((1, 2, 2))
    assert mean_loss("mse", outputs, targets, np.array([[True, False]])) == 5
    logits, classes = np.array([[[0.0, 0.0], [100.0, 0.0]]]), np.array([[0, 1]])
    assert mean_loss("cross_entropy", logits, classes, np.array([[True, False]])) == pytest.approx(math.log(2))


def test_float32_outputs_are_summed_in_float64():
    outputs = np.full((1, 3), 1 + 2**-20, np.float32)
    assert mean_loss("mse", outputs, np.ones((1, 3), np.float32)) == 2**-40


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "message"),
    [
        ("mse", (4, 1), (4,), r"\(4, 1\), targets \(4,\)"),
        ("mse", (4, 3), (1, 3), "must be equal"),
        ("cross_entropy", (4, 3), (1,), r"targets must be \(4,\): \(1,\)"),
        ("cross_entropy", (4, 2, 3), (4,), r"targets must be \(4, 2\)"),
    ],
)
def test_shapes_that_do_not_fit(loss, outputs, targets, message):
    with pytest.raises(ValueError, match=message):
        elementwise_loss(loss, np.zeros(outputs), np.zeros(targets, int))


@pytest.mark.parametrize("classes", [[-1, 0], [0, 3]])
def test_classes_out_of_range(classes):
    with pytest.raises(ValueError, match=f"classes {min(classes)} to {max(classes)} with 3 logits"):
        elementwise_loss("cross_entropy", np.zeros((2, 3)), np.array(classes))


def test_an_empty_mask_has_no_mean():
    with pytest.raises(ValueError, match="no step count"):
        mean_loss("mse", np.zeros((1, 2, 1)), np.zeros((1, 2, 1)), np.zeros((1, 2), bool))
