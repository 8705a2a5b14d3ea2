import dataclasses
import math

import numpy as np
import pytest

from tasks.contract import Dataset, Reference, Split, Target
from tasks.copy_memory import CopyMemory
from tasks.errors import UserError
from tasks.sine import Sine
from tasks.validation import validate_dataset

FLOATS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3, 1)
TOKENS = np.arange(12).reshape(4, 3) % 9


class PerSequence(Sine):
    """Real metrics and references of a real task; only the data are made wrong."""

    def references(self, dataset):
        return [Reference("zero", "floor", 1.0)]


class Probabilities(PerSequence):
    loss = "binary_cross_entropy"


class Tokens(CopyMemory):
    def metrics(self, outputs, targets, mask=None):
        return {"recall_accuracy": 0.5}

    def references(self, dataset):
        return [Reference("zero", "floor", 1.0)]


SEQUENCE, STEP, BINARY, TOKEN = PerSequence(), PerSequence(per_step=True), Probabilities(), Tokens()
GOOD = {
    SEQUENCE: Split(FLOATS, FLOATS[:, 0]),
    STEP: Split(FLOATS, FLOATS),
    BINARY: Split(FLOATS, np.abs(FLOATS[:, 0])),
    TOKEN: Split(TOKENS, TOKENS),
}
MASK = np.array([[True, True, False]] * 4)


def check(task, **changes):
    good = GOOD[task]
    return validate_dataset(task, Dataset(good, dataclasses.replace(good, **changes), good))


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        *[(task, {}) for task in GOOD],
        (STEP, {"mask": MASK}),
        (STEP, {"mask": MASK, "lengths": np.array([2, 3, 2, 3])}),
        (SEQUENCE, {"lengths": np.array([1, 2, 3, 3])}),
        (SEQUENCE, {"measured": np.array([[True], [False]] * 2)}),
        (TOKEN, {"inputs": TOKENS.astype(np.uint8), "targets": TOKENS.astype(np.int16)}),
    ],
)
def test_what_keeps_the_contract_passes(task, changes):
    assert len(check(task, **changes)) == 1


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        (SEQUENCE, {"inputs": FLOATS.tolist()}, "valid.inputs is list: expected a NumPy array"),
        (
            SEQUENCE,
            {"inputs": FLOATS.astype(float)},
            r"valid.inputs is \(4, 3, 1\) float64: expected \(N, T, 1\) float32",
        ),
        (SEQUENCE, {"inputs": FLOATS[..., 0]}, r"valid.inputs is \(4, 3\) float32"),
        (SEQUENCE, {"inputs": FLOATS[:0], "targets": FLOATS[:0, 0]}, "expected at least one sequence"),
        (SEQUENCE, {"inputs": np.where(FLOATS > 0.9, np.nan, FLOATS)}, r"1 values that are NaN.*first at \(3, 2, 0\)"),
        (SEQUENCE, {"inputs": np.where(FLOATS > 0.9, np.float32(np.inf), FLOATS)}, "valid.inputs has 1 values"),
        (SEQUENCE, {"targets": FLOATS[:3, 0]}, r"valid.targets is \(3, 1\) float32: expected \(4, 1\) float32"),
        (SEQUENCE, {"targets": FLOATS}, r"expected \(4, 1\) float32, values for each sequence, as per_step is False"),
        (SEQUENCE, {"targets": FLOATS[:, 0] * np.float32(np.nan)}, "valid.targets has 4 values that are NaN"),
        (STEP, {"targets": FLOATS[:, 0]}, r"expected \(4, 3, 1\) float32"),
        (BINARY, {"targets": FLOATS[:, 0]}, "expected probabilities, 0 to 1"),
        (TOKEN, {"inputs": TOKENS + 2}, r"valid.inputs reaches from 2 to 10: expected 0 to 9 \(input_size is 10\)"),
        (TOKEN, {"inputs": TOKENS - 1}, "reaches from -1 to 7"),
        (TOKEN, {"targets": TOKENS + 1}, r"valid.targets reaches from 1 to 9: expected 0 to 8 \(output_size is 9\)"),
        (
            TOKEN,
            {"targets": TOKENS.astype(np.float32)},
            r"expected \(4, 3\) integer classes, one for each step, as per_step is True",
        ),
        (SEQUENCE, {"inputs": np.zeros((4, 3), int)}, "inputs differ in kind"),
        (SEQUENCE, {"mask": MASK}, "valid.mask is given: expected none, as the task is not per_step"),
        (STEP, {"mask": MASK.astype(int)}, r"valid.mask is \(4, 3\) int64: expected \(4, 3\) bool"),
        (STEP, {"mask": MASK[:, :2]}, r"expected \(4, 3\) bool"),
        (STEP, {"mask": np.zeros_like(MASK)}, "lets no step count"),
        (SEQUENCE, {"lengths": np.array([1, 2, 3])}, r"valid.lengths is \(3,\) int64: expected \(4,\) integers"),
        (SEQUENCE, {"lengths": np.array([1.0, 2, 3, 3])}, r"expected \(4,\) integers"),
        (SEQUENCE, {"lengths": np.array([0, 2, 3, 4])}, "reaches from 0 to 4: expected 1 to 3"),
        (STEP, {"lengths": np.array([2, 3, 3, 3])}, "valid.mask counts padded steps"),
        (STEP, {"mask": MASK, "lengths": np.array([1, 3, 3, 3])}, "valid.mask counts padded steps"),
        (STEP, {"measured": np.ones((4, 3, 1), bool)}, "valid.measured is given: expected none"),
        (SEQUENCE, {"measured": np.ones(4, bool)}, r"valid.measured is \(4,\) bool: expected \(4, 1\) bool"),
        (SEQUENCE, {"measured": np.zeros((4, 1), bool)}, "not all False"),
    ],
)
def test_broken_data_name_the_task_and_the_attribute(task, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        check(task, **changes)
    assert str(caught.value).startswith(f"task {task.label}: ")


def test_what_is_no_dataset():
    with pytest.raises(UserError, match="generate returned tuple"):
        validate_dataset(SEQUENCE, (1, 2, 3))
    with pytest.raises(UserError, match="test is list"):
        validate_dataset(SEQUENCE, Dataset(GOOD[SEQUENCE], GOOD[SEQUENCE], []))


@pytest.mark.parametrize(
    ("references", "message"),
    [
        ([], r"0 of kind 'floor' \(none\): expected one"),
        ([Reference("a", "floor", 1.0), Reference("b", "floor", 1.0)], r"2 of kind 'floor' \(a, b\)"),
        ([Reference("a", "floor", math.nan)], "reference 'a' has loss nan"),
        ([Reference("a", "floor", 1.0, valid_loss=math.inf)], "reference 'a' has valid_loss inf: expected a finite"),
        ([Reference("a", "ceiling", 1.0)], "kind 'ceiling'"),
        ([Reference("a", "floor", 1.0), Reference("a", "limit", 1.0)], "called a, a: expected different names"),
        ([("a", 1.0)], "references has a tuple"),
    ],
)
def test_broken_references(monkeypatch, references, message):
    monkeypatch.setattr(PerSequence, "references", lambda self, dataset: references)
    with pytest.raises(UserError, match=message):
        check(SEQUENCE)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([0.5], "metrics returned list"),
        ({"loss": 0.5}, "expected names other than 'loss'"),
        ({"accuracy": np.zeros(2)}, "plain numbers"),
        ({"accuracy": 0.5}, "target names metric 'rmse': expected one of loss, accuracy"),
    ],
)
def test_broken_metrics(monkeypatch, metrics, message):
    monkeypatch.setattr(PerSequence, "metrics", lambda self, outputs, targets, mask=None: metrics)
    monkeypatch.setattr(PerSequence, "target", Target("rmse", 0.1))
    with pytest.raises(UserError, match=message):
        check(SEQUENCE)
