"""One cell, new against baseline: by hand-made steps, losses and misses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic import BUDGET, INTERVAL, cell

from bench.gate.baseline import Replicates, cells_of
from bench.gate.comparison import compare, is_paired
from bench.gate.describe import describe
from bench.gate.rule import Rule
from bench.gate.statistics import paired_shift

FIRST = range(1, 13)


def replicates(**changes: object) -> Replicates:
    (found,) = cells_of(cell(**changes)).values()  # type: ignore[arg-type]
    return found.replicates


def test_a_fifth_more_steps_on_every_replicate_is_a_ratio_of_1_2() -> None:
    found = compare(replicates(), replicates(slower=1.2), FIRST, Rule())
    assert (found.pairing, found.measure, found.n) == ("paired", "slow_down", 12)
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


def test_levels_that_are_missed_count_as_reached_at_the_end_of_the_budget() -> None:
    """log10 of the loss falls from 0 to -1 over the budget; the baseline falls to -3 on a straight line."""
    found = compare(replicates(), replicates(missed=(1,)), FIRST, Rule())
    own = replicates()[1].steps_to_target
    assert own is not None
    lowest = math.ceil(own / INTERVAL) * INTERVAL * 3 / own  # of its last evaluation, which is below the target
    steps = (BUDGET / 2 + BUDGET * (lowest - 1)) / lowest
    assert found.shift.value == pytest.approx(math.log2(steps / (own * lowest / 3 / 2)) / 12, rel=1e-5)


def test_pairs_that_both_miss_are_compared_down_to_the_lowest_loss_of_either() -> None:
    found = compare(replicates(missed=(1, 2)), replicates(missed=(1, 2)), FIRST, Rule())
    assert (found.shift.n, found.shift.value, found.newly_missed, found.missed_now) == (12, 0, 0, 2)


def test_a_training_that_failed_has_reached_no_loss() -> None:
    before, now = replicates(), dict(replicates())
    now[1] = replace(now[1], status="failed", curve=None, steps_to_target=None)
    found = compare(before, now, FIRST, Rule())
    curve = before[1].curve
    assert curve is not None
    assert found.shift.value == pytest.approx(math.log2(BUDGET / (curve.step[-1] / 2)) / 12, rel=1e-5)


def without_curves(found: Replicates) -> Replicates:
    return {number: replace(training, curve=None) for number, training in found.items()}


def test_a_baseline_without_curves_is_compared_by_its_steps_to_target() -> None:
    """A miss counts as the whole budget, and pairs that both miss say nothing."""
    old = without_curves(replicates())
    found = compare(old, replicates(missed=(1,)), FIRST, Rule())
    own = old[1].steps_to_target
    assert own is not None
    assert (found.measure, found.shift.value) == ("steps", pytest.approx(math.log2(BUDGET / own) / 12))
    found = compare(without_curves(replicates(missed=(1, 2))), replicates(missed=(1, 2)), FIRST, Rule())
    assert (found.shift.n, found.newly_missed, found.missed_now) == (10, 0, 2)


def test_what_is_detectable_is_what_the_test_finds_in_four_of_five_checks() -> None:
    """Simulated, with the spread that the comparison sees; α is divided by the number of cells."""
    found = compare(replicates(), replicates(jitter=0.14, draw=1), FIRST, Rule())
    rng = np.random.default_rng(0)
    spread = found.shift.error * math.sqrt(12)
    shift = math.log2(found.detectable(24, 12))
    hits = [paired_shift(rng.normal(shift, spread, 24), Rule().log2_margin).p_worse < 0.01 / 12 for _ in range(2000)]
    assert np.mean(hits) == pytest.approx(0.8, abs=0.04)


def test_a_cell_that_rarely_arrives_is_judged_by_its_loss() -> None:
    seldom = tuple(range(1, 7))  # 6 of 24 are more than 20 %
    before = replicates(missed=range(1, 25), loss_factor=1.0)
    worse = replicates(missed=range(1, 25), loss_factor=1.5)
    found = compare(before, worse, FIRST, Rule())
    assert (found.measure, found.change) == ("loss", pytest.approx(1.5))
    assert found.shift.p_worse < 1e-6
    assert not found.misses_too_often
    assert compare(replicates(missed=seldom), replicates(missed=seldom), FIRST, Rule()).measure == "loss"
    assert compare(replicates(missed=(1, 2, 3, 4)), replicates(), FIRST, Rule()).measure == "slow_down"


def test_a_loss_is_compared_on_the_replicates_that_have_one_before_and_now() -> None:
    """The geometric means are those of the pairs behind the test, and the sentence counts these."""
    before = dict(replicates(missed=range(1, 25), loss_factor=1.0))
    before[12] = replace(before[12], mean_log10_valid_loss=3.0)  # it is not compared
    now = dict(replicates(missed=range(1, 25), loss_factor=1.5))
    now |= {number: replace(now[number], mean_log10_valid_loss=None) for number in range(4, 13)}
    found = compare(before, now, FIRST, Rule())
    assert (found.shift.n, found.n) == (3, 12)
    assert found.now / found.before == pytest.approx(found.change) == pytest.approx(1.5)
    assert "3 replicates)" in describe(found)


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
