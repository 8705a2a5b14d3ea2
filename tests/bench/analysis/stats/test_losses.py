"""One comparison of losses for all: plain, with failures, skewed, over forecast origins, looked at repeatedly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.analysis import stats

MARGIN = math.log10(1.05)
FIRST, SECOND = np.random.default_rng(0).normal([[-1.0], [-0.8]], 0.1, (2, 7))


def test_where_all_finished_it_is_the_paired_t_test() -> None:
    found = stats.compare_losses(FIRST, SECOND, MARGIN)
    expected = scipy_stats.ttest_rel(FIRST, SECOND)
    assert found.p == pytest.approx(expected.pvalue)
    assert found[1:3] == pytest.approx(tuple(expected.confidence_interval()))
    assert (found.n, found.failed, found.direction, found.skewed) == (7, (0, 0), -1, False)
    other = stats.compare_losses(SECOND, FIRST, MARGIN)
    assert (other.direction, other.p, other.value) == (1, pytest.approx(found.p), pytest.approx(-found.value))


def test_practically_equal_is_two_one_sided_tests() -> None:
    near = FIRST + np.random.default_rng(1).normal(0, 0.005, 7)
    d = FIRST - near
    expected = max(
        scipy_stats.ttest_1samp(d, MARGIN, alternative="less").pvalue,
        scipy_stats.ttest_1samp(d, -MARGIN, alternative="greater").pvalue,
    )
    assert stats.compare_losses(FIRST, near, MARGIN).within == pytest.approx(expected)
    assert stats.compare_losses(FIRST, near, MARGIN).within == pytest.approx(stats.equivalence(FIRST, near, MARGIN).p)


def test_a_failure_is_worse_than_every_loss() -> None:
    failed = FIRST.copy()
    failed[2] = math.nan
    found = stats.compare_losses(failed, SECOND, MARGIN)
    worst = FIRST.copy()
    worst[2] = 1e6
    assert found.p == pytest.approx(scipy_stats.wilcoxon(worst - SECOND, method="exact").pvalue)
    assert found.failed == (1, 0)
    assert found.n == 7
    assert found.value == pytest.approx(np.delete(FIRST - SECOND, 2).mean())
    assert math.isnan(found.within)
    both = SECOND.copy()
    both[2] = math.nan
    assert stats.compare_losses(failed, both, MARGIN).n == 6  # neither is better there
    never = stats.compare_losses(FIRST, [math.nan] * 7, MARGIN)
    assert (never.p, never.direction) == (2 / 2**7, -1)
    assert math.isnan(never.value)


def test_losses_skewed_against_the_leader_are_tested_with_their_skewness() -> None:
    d = np.array([-1.0, -1.05, -0.95, -1.0, -1.1, 0.2, -0.98])
    found = stats.compare_losses(d, np.zeros(7), MARGIN)
    assert found.skewed
    plain, adjusted = scipy_stats.ttest_1samp(d, 0), stats.skew_adjusted(d)
    assert found.p == max(plain.pvalue, adjusted.p)
    ends = plain.confidence_interval()
    assert (found.low, found.high) == pytest.approx((min(ends.low, adjusted.low), max(ends.high, adjusted.high)))
    assert not stats.compare_losses(d - np.array([0, 0, 0, 0, 0, 4, 0]), np.zeros(7), MARGIN).skewed


def test_replicates_that_share_a_block_are_averaged_first() -> None:
    rng = np.random.default_rng(2)
    d = rng.normal(0.2, 0.1, 12)
    blocks = np.arange(12) % 6
    folds = stats.Folds(blocks, 500 + 50 * blocks, np.full(12, 50))
    found = stats.compare_losses(d, np.zeros(12), MARGIN, folds=folds)
    means = np.array([d[blocks == b].mean() for b in range(6)])
    expected = stats.corrected_paired(means, 500 + 50 * np.arange(6), np.full(6, 50))
    assert found.n == 6
    assert (found.p, found.low, found.high) == pytest.approx((expected.p, expected.low, expected.high))
    assert found.p > scipy_stats.ttest_1samp(means, 0).pvalue
    assert found.overlap == pytest.approx(np.mean(50 / (500 + 50 * np.arange(6))))


def test_a_failure_makes_its_block_one_and_contrary_failures_cancel() -> None:
    first, second = np.zeros(8), np.full(8, 0.1)
    first[0] = second[4] = math.nan  # both of block 0
    first[1] = math.nan
    found = stats.compare_losses(first, second, MARGIN, folds=stats.Folds(np.arange(8) % 4, [100] * 8, [10] * 8))
    assert (found.n, found.failed) == (3, (1, 0))


def test_repeated_looks_take_the_sequential_test() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(0.5, 1, 12)
    found = stats.compare_losses(d, np.zeros(12), MARGIN, first_look=7)
    assert found.p == stats.sequential_p(d)[-1]
    assert (found.low, found.high) == stats.sequential_interval(d)[1:3]
    d[3] = math.nan
    failures = stats.compare_losses(d, np.zeros(12), MARGIN, first_look=7)
    signs = np.sign(np.where(np.isnan(d), np.inf, d))
    assert failures.p == pytest.approx(min(1, 1 / stats.sign_e_values(signs).max()))


@pytest.mark.parametrize("kind", ["normal", "skewed", "heavy", "failing"])
def test_equal_models_differ_one_time_in_twenty(kind: str) -> None:
    rng, experiments, found = np.random.default_rng(4), 3000, 0
    for _ in range(experiments):
        hard = rng.normal(0, 0.5, 7)
        both = [hard + rng.normal(0, 0.3, 7) for _ in range(2)]
        if kind == "skewed":
            both = [hard + rng.exponential(0.5, 7) for _ in range(2)]
        if kind == "heavy":
            both = [hard + 0.1 * rng.standard_t(2, 7) for _ in range(2)]
        if kind == "failing":  # on the hard replicates, in three of four cases
            both = [np.where((hard > 0.4) & (rng.random(7) < 0.75), np.nan, side) for side in both]
        found += stats.compare_losses(*both, MARGIN).p < 0.05
    assert found / experiments <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / experiments)
