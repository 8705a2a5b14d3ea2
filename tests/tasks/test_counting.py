import math

import numpy as np
import pytest

from tasks.counting import Counting, ladder
from tasks.errors import UserError


def text(split, row):
    return "".join("abc"[token] for token in split.inputs[row, : split.lengths[row]])


def accepted(string, letters):
    n = len(string) // letters
    return string == "".join(letter * n for letter in "abc"[:letters])


@pytest.mark.parametrize("letters", [2, 3])
def test_targets_say_whether_the_string_belongs(letters):
    dataset = Counting(letters=letters, longest=9, test_longest=30).generate(0)
    for split in (dataset.train, dataset.valid, dataset.test):
        strings = [text(split, row) for row in range(len(split))]
        assert [accepted(string, letters) for string in strings] == (split.targets[:, 0] == 1).tolist()
        assert split.targets.mean() == 0.5
        assert all("".join(sorted(string)) == string for string in strings)


def test_layout_by_hand():
    split = Counting(letters=3).make_split(np.array([[1, 2, 1], [2, 2, 2]]), np.array([False, True]))
    np.testing.assert_array_equal(split.inputs, [[0, 1, 1, 2, 0, 0], [0, 0, 1, 1, 2, 2]])
    np.testing.assert_array_equal(split.lengths, [4, 6])
    np.testing.assert_array_equal(split.targets, [[0], [1]])


def test_the_ladder_rises_to_the_longest_and_its_negatives_miss_by_one():
    task = Counting(longest=15, test_longest=150)
    dataset = task.generate(0)
    for split, longest in ((dataset.valid, 15), (dataset.test, 150)):
        a, b = (np.array([text(split, row).count(letter) for row in range(len(split))]) for letter in "ab")
        assert (np.diff(a[::2]) >= 0).all()
        assert a.max() == longest
        np.testing.assert_array_equal(a[::2], b[::2])
        np.testing.assert_array_equal(a[::2], a[1::2])
        assert set(abs(a[1::2] - b[1::2])) == {1}
        assert {-1, 1} == set(a[1::2] - b[1::2])
    assert len(ladder(200, 150)) == 200
    assert ladder(4, 1000).tolist() == [250, 500, 750, 1000]


def test_training_counts_stay_in_their_range():
    train = Counting(longest=15, test_longest=150).generate(0).train
    assert train.lengths.max() == 30
    assert len(np.unique(train.lengths[train.targets[:, 0] == 1])) == 15


def test_counts_to_is_the_last_n_before_the_first_mistake():
    task = Counting(longest=100, test_longest=1000)
    targets = task.generate(0).test.targets
    right = np.where(targets > 0.5, 1.0, -1.0)
    assert task.metrics(right, targets) == {"accuracy": 1.0, "counts_to": 1000.0}
    wrong = right.copy()
    wrong[2 * 50 + 1] *= -1  # the negative of the ladder's 51st n
    assert task.metrics(wrong, targets) == {"accuracy": 1 - 1 / 400, "counts_to": 250.0}
    wrong[0] *= -1
    assert task.metrics(wrong, targets)["counts_to"] == 0.0
    with pytest.raises(ValueError, match="200 or 400 rows"):
        task.metrics(right[:7], targets[:7])


def test_a_counter_without_a_limit_is_perfect_and_one_that_saturates_is_not():
    task = Counting(longest=15, test_longest=150)
    split = task.generate(0).test
    a = np.array([text(split, row).count("a") for row in range(len(split))])
    b = split.lengths - a
    assert task.metrics(np.where(a == b, 1.0, -1.0)[:, None], split.targets)["counts_to"] == 150
    saturated = np.where(np.minimum(a, 40) == np.minimum(b, 40), 1.0, -1.0)[:, None]
    assert 38 <= task.metrics(saturated, split.targets)["counts_to"] <= 41


def test_the_floor_is_a_coin():
    task = Counting()
    floor, _ = task.references(task.generate(0))
    assert floor.loss == math.log(2)
    assert floor.metrics == {"accuracy": 0.5, "counts_to": 0.0}


@pytest.mark.parametrize("parameters", [{"letters": 4}, {"longest": 1}, {"longest": 50, "test_longest": 50}])
def test_bad_parameters(parameters):
    with pytest.raises(UserError, match="expected"):
        Counting(**parameters)
