import math

import numpy as np
import pytest

from tasks.copy_memory import BLANK, DELIMITER, CopyMemory
from tasks.errors import UserError
from tasks.registry import TASKS


def test_layout_of_the_paper_by_hand():
    split = CopyMemory(delay=4, length=2).make_split(np.array([[3, 7]]))
    np.testing.assert_array_equal(split.inputs, [[3, 7, BLANK, BLANK, BLANK, DELIMITER, BLANK, BLANK]])
    np.testing.assert_array_equal(split.targets, [[BLANK] * 6 + [3, 7]])


@pytest.mark.parametrize(("delay", "length"), [(20, 10), (10, 3), (1, 1)])
def test_counts_of_the_paper(delay, length):
    task = CopyMemory(delay=delay, length=length)
    split = task.generate(0).test
    assert split.inputs.shape == split.targets.shape == (500, delay + 2 * length)
    assert ((split.inputs == BLANK).sum(axis=1) == delay - 1 + length).all()
    assert ((split.inputs == DELIMITER).sum(axis=1) == 1).all()
    assert (split.inputs[:, :length] < 8).all()
    np.testing.assert_array_equal(split.targets[:, -length:], split.inputs[:, :length])
    assert (split.targets[:, :-length] == BLANK).all()


@pytest.mark.parametrize("length", [6, 10])  # at 6, one in twelve of independent strings would occur again
def test_no_string_is_in_two_splits_or_twice_where_enough_exist(length):
    dataset = CopyMemory(length=length).generate(0)
    strings = np.concatenate([s.inputs[:, :length] for s in (dataset.train, dataset.valid, dataset.test)])
    assert len(np.unique(strings, axis=0)) == len(strings) == 21_000


def test_short_strings_are_uniform():
    strings = CopyMemory(length=3).generate(0).train.inputs[:, :3]
    counts = np.bincount(strings @ [64, 8, 1], minlength=512)
    # chi-square with 511 degrees of freedom: mean 511, sd sqrt(1022) = 32
    assert abs(((counts - 20_000 / 512) ** 2 / (20_000 / 512)).sum() - 511) < 4 * math.sqrt(1022)


def test_floor_is_the_formula():
    task = CopyMemory(delay=100, length=10)
    floor, _ = task.references(task.generate(0))
    assert floor.kind == "floor"
    assert floor.loss == pytest.approx(10 * math.log(8) / 120, rel=1e-15)
    assert floor.metrics == {"recall_accuracy": 0.125, "string_accuracy": 8.0**-10}


@pytest.mark.parametrize(("delay", "length"), [(1, 1), (10, 3), (20, 10)])
def test_a_look_up_of_the_fixed_delay_makes_no_mistake(delay, length):
    task = CopyMemory(delay=delay, length=length)
    _, look = task.references(task.generate(0))
    assert (look.name, look.kind) == ("look_back", "baseline")
    assert look.how.endswith(f" {delay + length} steps earlier")
    assert look.metrics == {"recall_accuracy": 1.0, "string_accuracy": 1.0}
    assert look.loss < 1e-5
    assert look.valid_loss == pytest.approx(look.loss, rel=0.1)


def test_metrics_by_hand():
    task = CopyMemory(delay=4, length=2)
    targets = task.make_split(np.array([[3, 7], [1, 1]])).targets
    said = targets.copy()
    said[0, -1] = 0  # one symbol of four wrong
    said[1, 0] = 5  # a wrong blank counts in the loss only
    assert task.metrics(np.eye(9)[said], targets) == {"recall_accuracy": 0.75, "string_accuracy": 0.5}


def test_all_blanks_score_nothing():
    task = CopyMemory()
    targets = task.generate(0).test.targets
    assert task.metrics(np.eye(9)[np.full_like(targets, BLANK)], targets)["recall_accuracy"] == 0.0


def test_the_quick_budget_is_shorter_and_the_standard_is_the_published_form():
    quick = TASKS.create("copy", **CopyMemory.budgets["quick"])
    assert (quick.delay, quick.length) == (10, 3)
    standard = TASKS.create("copy", **CopyMemory.budgets.get("standard", {}))
    assert (standard.delay, standard.length) == (20, 10)
    asked = TASKS.create("copy[delay=7]", **CopyMemory.budgets["quick"])
    assert (asked.delay, asked.length) == (7, 3)


@pytest.mark.parametrize("parameters", [{"delay": 0}, {"length": 0}, {"length": -3}])
def test_bad_parameters(parameters):
    with pytest.raises(UserError, match="expected 1 or more"):
        CopyMemory(**parameters)


def test_a_label_names_what_defines_the_task() -> None:
    made = {text: TASKS.create(text).label for text in ("copy", "copy[delay=20,length=3]", "copy[delay=5]")}
    assert made == {
        "copy": "copy",
        "copy[delay=20,length=3]": "copy[delay=20,length=3]",  # 20 is the default, and defines it all the same
        "copy[delay=5]": "copy[delay=5,length=10]",
    }
