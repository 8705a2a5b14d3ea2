import math

import numpy as np
import pytest

from tasks.adding import Adding
from tasks.errors import UserError
from tasks.losses import mean_loss


@pytest.mark.parametrize("length", [2, 3, 30])
def test_one_mark_in_each_half_and_the_target_is_the_sum_of_the_marked(length):
    split = Adding(length=length).generate(0).test
    values, marks = split.inputs[..., 0], split.inputs[..., 1]
    assert split.inputs.shape == (500, length, 2)
    assert ((values >= 0) & (values < 1)).all()
    assert (marks[:, : length // 2].sum(axis=1) == 1).all()
    assert (marks[:, length // 2 :].sum(axis=1) == 1).all()
    np.testing.assert_allclose((values * marks).sum(axis=1), split.targets[:, 0], rtol=1e-6)


def test_marks_are_uniform_over_their_halves():
    marks = Adding(length=10).generate(0).train.inputs[..., 1].mean(axis=0)
    sd = math.sqrt(0.2 * 0.8 / 20_000)
    assert abs(marks - 0.2).max() < 4 * sd


def test_the_floor_is_one_sixth_and_what_always_saying_one_really_loses():
    task = Adding(length=30)
    dataset = task.generate(0)
    floor, _ = task.references(dataset)
    assert (floor.kind, floor.loss) == ("floor", 1 / 6)
    ones = np.ones_like(dataset.train.targets)
    # the square of S - 1 has the fourth moment 1/15, so the variance 1/15 - 1/36
    sd = math.sqrt((1 / 15 - 1 / 36) / len(ones))
    assert mean_loss("mse", ones, dataset.train.targets) == pytest.approx(1 / 6, abs=4 * sd)
    found = task.metrics(ones, dataset.train.targets)
    assert found["mae"] == pytest.approx(floor.metrics["mae"], abs=0.01)
    assert found["right"] == pytest.approx(floor.metrics["right"], abs=0.01)
    assert floor.metrics["right"] == pytest.approx(0.0784)


@pytest.mark.parametrize("length", [2, 30, 200])
def test_a_linear_model_of_the_products_adds_exactly(length):
    task = Adding(length=length)
    _, fitted = task.references(task.generate(0))
    assert (fitted.name, fitted.kind) == ("linear_products", "baseline")
    assert max(fitted.loss, fitted.valid_loss) < 1e-13  # targets are sums in float32
    assert fitted.metrics["right"] == 1


def test_sequences_with_many_weights_have_the_floor_alone():
    task = Adding(length=1000)
    (floor,) = task.references(task.generate(0))
    assert floor.name == "memoryless"


def test_right_is_within_four_hundredths():
    targets = np.array([[1.0], [1.0], [1.0], [1.0]])
    outputs = np.array([[1.039], [0.961], [1.041], [0.5]])
    assert Adding().metrics(outputs, targets)["right"] == 0.5


def test_the_quick_budget_is_shorter():
    assert Adding(**Adding.budgets["quick"]).length < Adding().length


@pytest.mark.parametrize("length", [1, 0, -4])
def test_too_short_for_two_marks(length):
    with pytest.raises(UserError, match="expected 2 or more"):
        Adding(length=length)
