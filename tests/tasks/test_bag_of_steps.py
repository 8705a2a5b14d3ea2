"""The bag of steps knows what a sequence contains and which inputs came together, but no order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tasks.bag_of_steps import _design, _fit, _sums, choose_bag_of_steps, is_asked_at_the_end
from tasks.contract import Array, Loss, Split
from tasks.losses import mean_loss

STEPS, SYMBOLS = 6, 3


def three(answer: Callable[[Array, Array], Array], train: int = 300) -> tuple[Split, Split, Split]:
    """Training, validation and test data whose answers are made of the inputs and of how often symbol 2 was marked."""
    drawings = [drawn(count, seed) for seed, count in enumerate((train, 200, 200))]
    first, second, third = (asked(inputs, answer(inputs, count)) for inputs, count in drawings)
    return first, second, third


def asked(inputs: Array, answers: Array) -> Split:
    """One answer for each sequence, `(N,)` classes or `(N, O)` labels, after its last step."""
    steps = inputs.shape[1]
    targets = np.zeros((len(inputs), steps, *answers.shape[1:]), dtype=answers.dtype)
    targets[:, -1] = answers
    mask = np.zeros((len(inputs), steps), dtype=bool)
    mask[:, -1] = True
    return Split(inputs.astype(np.float32), targets, mask)


def drawn(count: int, seed: int) -> tuple[Array, Array]:
    """Symbols `(N, T)` and marks `(N, T)`, as inputs `(N, T, SYMBOLS + 1)`; and how often symbol 2 was marked."""
    rng = np.random.default_rng(seed)
    symbols, marks = rng.integers(SYMBOLS, size=(count, STEPS)), rng.random((count, STEPS)) < 0.3
    return np.concatenate([np.eye(SYMBOLS)[symbols], marks[..., None]], axis=-1), (marks & (symbols == 2)).sum(axis=1)


def test_what_came_together_is_counted() -> None:
    train, valid, test = three(lambda _, count: np.minimum(count, 2))
    logits = choose_bag_of_steps(train, valid, "cross_entropy", 3).predict(test.inputs)
    assert logits.shape == (200, STEPS, 3)
    assert (logits[:, -1].argmax(axis=-1) == test.targets[:, -1]).all()


def test_labels_each_have_a_regression_of_their_own() -> None:
    def labels(inputs: Array, count: Array) -> Array:
        return np.stack([count > 0, inputs[..., 0].sum(axis=1) > 2], axis=1).astype(np.float32)

    train, valid, test = three(labels)
    logits = choose_bag_of_steps(train, valid, "binary_cross_entropy", 2).predict(test.inputs)[:, -1]
    assert ((logits > 0) == test.targets[:, -1]).mean() > 0.99


def test_the_order_of_the_steps_is_not_seen() -> None:
    train, valid, test = three(lambda _, count: (count > 0).astype(np.int64), train=90)
    model = choose_bag_of_steps(train, valid, "cross_entropy", 2)
    np.testing.assert_allclose(model.predict(test.inputs[:, ::-1]), model.predict(test.inputs))


def test_where_nothing_is_learnt_the_heaviest_penalty_keeps_the_shares_of_the_classes() -> None:
    rng = np.random.default_rng(0)
    train, valid, test = three(lambda inputs, _: (rng.random(len(inputs)) < 0.25).astype(np.int64), train=400)
    logits = choose_bag_of_steps(train, valid, "cross_entropy", 2).predict(test.inputs)
    shares = np.broadcast_to(np.log([0.75, 0.25]), logits.shape)
    losses = [mean_loss("cross_entropy", outputs, test.targets, test.mask) for outputs in (logits, shares)]
    assert losses[0] == pytest.approx(losses[1], rel=0.03)


def test_a_class_or_an_input_that_training_data_lack_is_no_error() -> None:
    inputs, count = drawn(60, 0)
    train = asked(inputs * [1, 1, 1, 0], np.zeros(60, dtype=np.int64))
    other = asked(inputs, np.minimum(count, 1))
    logits = choose_bag_of_steps(train, other, "cross_entropy", 4).predict(other.inputs)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_the_fit_is_a_minimum(loss: Loss) -> None:
    """By central differences of the penalised loss, which is convex."""
    inputs, count = drawn(80, 0)
    sums = _sums(inputs)[:, [0, 1, 3, 6, 9]]  # those that vary, but for symbol 1 marked
    design = _design(sums, sums.mean(axis=0), sums.std(axis=0))
    wanted = np.eye(2)[(count > 0).astype(int)]
    weights = _fit(design, wanted, loss, 0.1, np.zeros((6, 2)))

    def objective(moved: Array) -> float:
        answers = wanted.argmax(axis=1) if loss == "cross_entropy" else wanted
        return mean_loss(loss, design @ moved, answers) + 0.05 * float((moved[:-1] ** 2).sum())

    for place in np.ndindex(*weights.shape):
        step = np.zeros_like(weights)
        step[place] = 1e-3
        assert objective(weights + step) == pytest.approx(objective(weights - step), abs=1e-7)
        assert objective(weights + step) > objective(weights) - 1e-9


def test_sums_are_those_of_features_and_of_products_of_two() -> None:
    inputs = np.random.default_rng(0).random((4, STEPS, 3))
    a, b, c = np.moveaxis(inputs, -1, 0)
    expected = [x.sum(axis=1) for x in (a, b, c, a * b, a * c, b * c)]
    np.testing.assert_allclose(_sums(inputs), np.stack(expected, axis=1))


def test_only_answers_after_the_last_step_count() -> None:
    end = asked(*drawn(5, 0))
    assert is_asked_at_the_end(end)
    assert not is_asked_at_the_end(Split(end.inputs, end.targets, np.ones_like(end.mask)))
    assert not is_asked_at_the_end(Split(end.inputs, end.targets))
