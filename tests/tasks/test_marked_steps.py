"""What stood at the marked steps is found in its order; a trigger is no mark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.cogscale import Cogscale
from tasks.contract import Array, Dataset, Split
from tasks.marked_steps import marked_steps, marks, picked

MARKS, SYMBOLS, SHOWN = 3, 4, 10
TASK = Cogscale("selective_copy")  # its loss and its score; three classes


def marked(count: int, seed: int, *, wrong: float = 0.0) -> Split:
    """One-hot symbols of which three are marked, a blank, then three steps with these symbols modulo 3 as answers."""
    rng = np.random.default_rng(seed)
    symbols = rng.integers(SYMBOLS, size=(count, SHOWN))
    places = np.sort(rng.permuted(np.tile(np.arange(SHOWN), (count, 1)), axis=1)[:, :MARKS], axis=1)
    steps = SHOWN + 1 + MARKS
    inputs = np.zeros((count, steps, SYMBOLS + 2), dtype=np.float32)
    inputs[:, :SHOWN, :SYMBOLS] = np.eye(SYMBOLS)[symbols]
    np.put_along_axis(inputs[:, :, SYMBOLS], places, 1, axis=1)
    inputs[:, SHOWN, SYMBOLS + 1] = 1  # the trigger
    answers = np.take_along_axis(symbols, places, axis=1) % TASK.output_size
    answers = np.where(rng.random(answers.shape) < wrong, (answers + 1) % TASK.output_size, answers)
    targets, mask = np.zeros((count, steps), dtype=np.int64), np.zeros((count, steps), dtype=bool)
    targets[:, -MARKS:], mask[:, -MARKS:] = answers, True
    return Split(inputs, targets, mask)


def data(**given: float) -> Dataset:
    return Dataset(*(marked(count, seed, **given) for seed, count in enumerate((200, 50, 2000))))


def test_the_inputs_at_marked_steps_are_picked_in_their_order() -> None:
    split = marked(20, 0)
    found = picked(split.inputs[:, :SHOWN], SYMBOLS, MARKS)
    for row, inputs in zip(found, split.inputs, strict=True):
        np.testing.assert_array_equal(row, [step for step in inputs if step[SYMBOLS]])


def test_what_was_marked_is_told_without_a_mistake() -> None:
    (found,) = marked_steps(TASK, data())
    assert found.metrics["score"] == 0
    assert found.loss < 1e-4
    assert f"input {SYMBOLS})" in found.how


def test_what_is_not_certain_is_not_called_certain() -> None:
    """A fifth of the answers is another one: the loss is its entropy, but for what 600 answers say of it."""
    (found,) = marked_steps(TASK, data(wrong=0.2))
    entropy = -(0.2 * np.log(0.2) + 0.8 * np.log(0.8))
    assert found.loss == pytest.approx(entropy, rel=0.06)


def without(split: Split, change: Array) -> Split:
    return replace(split, inputs=split.inputs * change)


@pytest.mark.parametrize("case", ["no mark", "marks too many in one", "always the same steps", "not zeros and ones"])
def test_where_nothing_marks_there_is_none(case: str) -> None:
    splits = vars(data())
    inputs = splits["train"].inputs[:, :-MARKS].copy()
    if case == "no mark":
        inputs[:, :, SYMBOLS] = 0
    elif case == "marks too many in one":
        inputs[7, :SHOWN, SYMBOLS] = 1
    elif case == "always the same steps":
        inputs[:, :SHOWN, SYMBOLS] = np.arange(SHOWN) < MARKS
    else:
        inputs[:, SHOWN, SYMBOLS] = 0.5
    assert marks(splits["train"].inputs[:, :-MARKS], MARKS) == [SYMBOLS]
    assert marks(inputs, MARKS) == []


def test_where_answers_are_asked_for_earlier_there_is_none() -> None:
    found = data()
    assert found.train.mask is not None
    everywhere = replace(found.train, mask=np.ones_like(found.train.mask))
    assert marked_steps(TASK, replace(found, train=everywhere)) == []


def test_an_input_that_training_data_lack_is_no_error() -> None:
    found = data()
    strange = found.test.inputs.copy()
    strange[:, :SHOWN, 0] = 0.25
    (reference,) = marked_steps(TASK, replace(found, test=replace(found.test, inputs=strange)))
    assert np.isfinite(reference.loss)
