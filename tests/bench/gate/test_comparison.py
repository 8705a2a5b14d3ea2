"""One cell, new against baseline: by hand-made steps, losses and misses."""

from __future__ import annotations

import math

import pytest
from synthetic import BUDGET, cell

from bench.gate.baseline import Replicates, cells_of
from bench.gate.comparison import compare, is_paired
from bench.gate.rule import Rule

FIRST = range(1, 13)


def replicates(**changes: object) -> Replicates:
    (found,) = cells_of(cell(**changes)).values()  # type: ignore[arg-type]
    return found.replicates


def test_a_fifth_more_steps_on_every_replicate_is_a_ratio_of_1_2() -> None:
    found = compare(replicates(), replicates(slower=1.2), FIRST, Rule())
    assert (found.pairing, found.measure, found.n) == ("paired", "steps", 12)
    assert found.change == pytest.approx(1.2, rel=1e-3)
    assert found.now / found.before == pytest.approx(1.2, rel=1e-3)
    assert found.shift.p_worse < 1e-9 < 0.99 < found.shift.p_better


def test_the_same_trainings_differ_by_nothing() -> None:
    found = compare(replicates(), replicates(), FIRST, Rule())
    assert found.shift.value == 0
    assert found.shift.p_worse > 0.999
    assert not found.misses_too_often


def test_other_weights_or_another_first_batch_are_not_paired() -> None:
    for changed in ({"weights": "other"}, {"first_batch": "other"}):
        assert not is_paired(replicates(), replicates(**changed), FIRST)
        assert compare(replicates(), replicates(**changed), FIRST, Rule()).pairing == "unpaired"
    assert is_paired(replicates(), replicates(data="other"), FIRST)


@pytest.mark.parametrize(("missed", "too_often"), [((1, 2, 3), False), ((1, 2, 3, 4), True)])
def test_four_new_misses_of_twelve_are_too_many(missed: tuple[int, ...], too_often: bool) -> None:
    found = compare(replicates(), replicates(missed=missed), FIRST, Rule())
    assert (found.newly_missed, found.missed_before, found.missed_now) == (len(missed), 0, len(missed))
    assert found.misses_too_often is too_often


def test_a_miss_counts_as_at_least_the_whole_budget() -> None:
    found = compare(replicates(), replicates(missed=(1,)), FIRST, Rule())
    own = replicates()[1].steps_to_target
    assert own is not None
    assert found.shift.value == pytest.approx(math.log2(BUDGET / own) / 12)


def test_pairs_that_both_miss_say_nothing_of_speed() -> None:
    found = compare(replicates(missed=(1, 2)), replicates(missed=(1, 2)), FIRST, Rule())
    assert (found.shift.n, found.newly_missed, found.missed_now) == (10, 0, 2)


def test_a_cell_that_rarely_arrives_is_judged_by_its_loss() -> None:
    seldom = tuple(range(1, 7))  # 6 of 24 are more than 20 %
    before = replicates(missed=range(1, 25), loss_factor=1.0)
    worse = replicates(missed=range(1, 25), loss_factor=1.5)
    found = compare(before, worse, FIRST, Rule())
    assert (found.measure, found.change) == ("loss", pytest.approx(1.5))
    assert found.shift.p_worse < 1e-6
    assert not found.misses_too_often
    assert compare(replicates(missed=seldom), replicates(missed=seldom), FIRST, Rule()).measure == "loss"
    assert compare(replicates(missed=(1, 2, 3, 4)), replicates(), FIRST, Rule()).measure == "steps"


def test_a_loss_within_its_margin_is_as_good() -> None:
    """The margin is 0.05 on log10, a factor of 1.12."""
    before = replicates(missed=range(1, 25))
    found = compare(before, replicates(missed=range(1, 25), loss_factor=1.11), FIRST, Rule())
    assert found.shift.p_worse > 0.5


def test_unpaired_misses_are_counted_against_each_other() -> None:
    numbers = range(1, 25)
    new = replicates(weights="other", missed=range(1, 12))
    found = compare(replicates(missed=(20, 21, 22)), new, numbers, Rule())
    assert (found.newly_missed, found.misses_too_often) == (8, True)
