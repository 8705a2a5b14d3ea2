"""A table of counts solves parity, counting and most of bracket matching, and counts no padding."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.cogscale import Cogscale
from tasks.contract import Split, Task
from tasks.count_table import choose_count_table, count_table, counted, differences, remainders
from tasks.counting import Counting
from tasks.parity import Parity
from tasks.shares import count


@pytest.mark.parametrize(
    "task",
    [
        Parity(),
        Parity(longest=20, test_longest=100),
        Parity(longest=4, test_longest=9, per_step=False),
        Parity(per_step=False),
        Counting(longest=15, test_longest=150),
        Counting(),
        Counting(letters=3),
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", range(3))
def test_it_makes_no_mistake_on_strings_longer_than_all_of_training(task: Task, seed: int) -> None:
    found = count_table(task, task.generate(seed))
    assert found.metrics["accuracy"] == 1
    assert found.metrics.get("string_accuracy", 1) == 1
    assert found.loss < 0.02


def test_what_it_looks_at_is_found() -> None:
    assert choose_count_table(Parity(), Parity().generate(0).train)[1] == "counts modulo 2"
    assert choose_count_table(Counting(), Counting().generate(0).train)[1] == "differences between counts"


@pytest.mark.parametrize("tokens", [True, False])
def test_counts_are_those_of_a_loop_without_the_padding(tokens: bool) -> None:
    rng = np.random.default_rng(0)
    symbols, lengths = rng.integers(3, size=(20, 8)), rng.integers(1, 9, size=20)
    inputs = symbols if tokens else np.eye(3, dtype=np.float32)[symbols]
    split = Split(inputs, np.zeros((20, 1), dtype=np.float32), lengths=lengths)
    after_each, at_the_end = (counted(split, 3, per_step=per_step) for per_step in (True, False))
    for row, length in enumerate(lengths):
        for step in range(length):
            expected = [list(symbols[row, : step + 1]).count(symbol) for symbol in range(3)]
            assert after_each[row, step].tolist() == expected
        assert at_the_end[row].tolist() == after_each[row, length - 1].tolist()


def test_numbers_of_statistics_are_equal_exactly_where_these_are() -> None:
    counts = np.random.default_rng(0).integers(0, 40, size=(400, 4))
    for numbers, statistic in ((differences(counts), np.diff(counts)), (remainders(counts, 5), counts % 5)):
        assert (numbers >= 0).all()
        pairs = zip(numbers.tolist(), map(tuple, statistic.tolist()), strict=True)
        assert len(set(pairs)) == len(set(numbers.tolist())) == len(set(map(tuple, statistic.tolist())))


def test_it_is_the_table_of_its_statistic() -> None:
    """Parity's, by hand: the shares of odd strings among those with so many zeros and ones, modulo 2."""
    train = Parity(longest=6, test_longest=8, per_step=False).generate(0).train
    model, what = choose_count_table(Parity(longest=6, test_longest=8, per_step=False), train)
    assert what == "counts modulo 2"
    keys = remainders(counted(train, 2, per_step=False), 2)
    _, weight = count(keys, train.targets, 1).best()
    for key in range(4):
        odd = train.targets[keys == key, 0].astype(np.float64)
        prior = (train.targets.sum(dtype=np.float64) + 1) / (len(train) + 2)
        share = (odd.sum() + weight * prior) / (len(odd) + weight)
        np.testing.assert_allclose(model.predict(train)[keys == key], np.log(share / (1 - share)))


def test_more_inputs_than_a_number_can_hold_are_refused() -> None:
    task = Cogscale("sorting_problem")
    with pytest.raises(ValueError, match="14 inputs: expected at most 4"):
        choose_count_table(task, task.generate(0).train)
