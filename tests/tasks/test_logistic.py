"""What a sequence contains has no order, what stands in order has no pairs, and no answer looks ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tasks import logistic
from tasks.cogscale import Cogscale
from tasks.contract import Array, Dataset, Loss, Split
from tasks.logistic import (
    HEAVIER,
    PENALTIES,
    Regressions,
    _design,
    _fit,
    choose_regressions,
    contents,
    in_order,
    logistic_references,
    steps_asked_at_the_end,
)
from tasks.losses import mean_loss, split_loss

STEPS, SYMBOLS = 6, 3


def bag(train: Split, valid: Split, loss: Loss, classes: int) -> Regressions:
    return choose_regressions(contents, PENALTIES, train, valid, loss, classes)


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
    logits = bag(train, valid, "cross_entropy", 3).predict(test)
    assert logits.shape == (200, STEPS, 3)
    assert (logits[:, -1].argmax(axis=-1) == test.targets[:, -1]).all()


def test_labels_each_have_a_regression_of_their_own() -> None:
    def labels(inputs: Array, count: Array) -> Array:
        return np.stack([count > 0, inputs[..., 0].sum(axis=1) > 2], axis=1).astype(np.float32)

    train, valid, test = three(labels)
    logits = bag(train, valid, "binary_cross_entropy", 2).predict(test)[:, -1]
    assert ((logits > 0) == test.targets[:, -1]).mean() > 0.99


def test_the_order_of_the_steps_is_not_seen() -> None:
    train, valid, test = three(lambda _, count: (count > 0).astype(np.int64), train=90)
    model = bag(train, valid, "cross_entropy", 2)
    np.testing.assert_allclose(model.predict(replace(test, inputs=test.inputs[:, ::-1])), model.predict(test))


def test_where_nothing_is_learnt_the_heaviest_penalty_keeps_the_shares_of_the_classes() -> None:
    rng = np.random.default_rng(0)
    train, valid, test = three(lambda inputs, _: (rng.random(len(inputs)) < 0.25).astype(np.int64), train=400)
    logits = bag(train, valid, "cross_entropy", 2).predict(test)
    shares = np.broadcast_to(np.log([0.75, 0.25]), logits.shape)
    losses = [mean_loss("cross_entropy", outputs, test.targets, test.mask) for outputs in (logits, shares)]
    assert losses[0] == pytest.approx(losses[1], rel=0.03)


def test_a_class_or_an_input_that_training_data_lack_is_no_error() -> None:
    inputs, count = drawn(60, 0)
    train = asked(inputs * [1, 1, 1, 0], np.zeros(60, dtype=np.int64))
    other = asked(inputs, np.minimum(count, 1))
    logits = bag(train, other, "cross_entropy", 4).predict(other)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_the_fit_is_a_minimum(loss: Loss) -> None:
    """By central differences of the penalised loss, which is convex."""
    inputs, count = drawn(80, 0)
    sums = contents(inputs)[:, [0, 1, 3, 6, 9]]  # those that vary, but for symbol 1 marked
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
    np.testing.assert_allclose(contents(inputs), np.stack(expected, axis=1))


def numbers(count: int, seed: int, answers: int = 2) -> Split:
    """Random numbers `(N, STEPS, 1)`; at each of the last steps, whether the one three steps earlier is positive."""
    inputs = np.random.default_rng(seed).normal(size=(count, STEPS, 1)).astype(np.float32)
    mask = np.zeros(inputs.shape[:2], dtype=bool)
    mask[:, STEPS - answers :] = True
    return Split(inputs, np.roll(inputs[..., 0] > 0, 3, axis=1).astype(np.int64), mask)


def test_each_answer_has_a_regression_on_the_inputs_up_to_it() -> None:
    train, valid, test = (numbers(300, seed) for seed in range(3))
    model = choose_regressions(in_order, HEAVIER, train, valid, "cross_entropy", 2)
    assert [len(one.varying) for one in model.last] == [STEPS - 1, STEPS]
    outputs = model.predict(test)
    assert (outputs.argmax(axis=-1) == test.targets)[test.mask].mean() > 0.97
    assert not outputs[~test.mask].any()


def test_no_answer_looks_ahead() -> None:
    train, valid, test = (numbers(60, seed) for seed in range(3))
    for features in (contents, in_order):
        model = choose_regressions(features, HEAVIER, train, valid, "cross_entropy", 2)
        other = test.inputs.copy()
        other[:, -1] += 1
        changed = model.predict(replace(test, inputs=other)) != model.predict(test)
        assert changed[:, -1].any()
        assert not changed[:, :-1].any()


def test_with_more_features_than_sequences_it_is_hardly_worse_than_the_shares_of_the_classes() -> None:
    rng = np.random.default_rng(0)
    splits = [replace(numbers(n, n), inputs=rng.normal(size=(n, STEPS, 20))) for n in (40, 41, 400)]
    model = choose_regressions(in_order, HEAVIER, splits[0], splits[1], "cross_entropy", 2)
    assert split_loss("cross_entropy", model.predict(splits[2]), splits[2]) < 1.1 * np.log(2)


@pytest.mark.parametrize(("answers", "steps"), [(1, 1), (2, 2), (3, 3), (4, 0)])
def test_only_answers_in_the_second_half_count(answers: int, steps: int) -> None:
    assert steps_asked_at_the_end(numbers(5, 0, answers)) == steps


def test_an_answer_that_some_are_asked_for_earlier_is_not_at_the_end() -> None:
    split = numbers(5, 0)
    assert split.mask is not None
    early = split.mask.copy()
    early[1, 0] = True
    late = split.mask.copy()
    late[1, -1] = False
    for mask in (None, early, late, np.zeros_like(split.mask)):
        assert steps_asked_at_the_end(replace(split, mask=mask)) == 0


def shortened(split: Split) -> Split:
    assert split.mask is not None
    return Split(split.inputs[:20], split.targets[:20], split.mask[:20])


def test_what_would_take_minutes_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Cogscale("sorting_problem")
    few = Dataset(*(shortened(split) for split in vars(task.generate(0)).values()))
    assert [one.name for one in logistic_references(task, few)] == ["bag_of_steps", "logistic"]
    monkeypatch.setattr(logistic, "MOST_WEIGHTS", 10 * 105 * 3)  # answers, features, classes
    assert [one.name for one in logistic_references(task, few)] == ["bag_of_steps"]
