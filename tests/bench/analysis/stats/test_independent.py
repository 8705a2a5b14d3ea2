"""Two samples that share nothing: Welch's test, failures as the worst rank, and how often it is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.analysis import stats

RNG = np.random.default_rng(5)
FIRST, SECOND = RNG.normal(-1.0, 0.1, 7), RNG.normal(-0.8, 0.3, 9)


def test_where_all_finished_it_is_welchs_test() -> None:
    found = stats.compare_independent(FIRST, SECOND)
    expected = scipy_stats.ttest_ind(FIRST, SECOND, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-12)
    assert found[1:3] == pytest.approx(tuple(expected.confidence_interval()), rel=1e-12)
    assert (found.n, found.failed, found.direction) == (7, (0, 0), -1)
    assert stats.compare_independent(SECOND, FIRST).direction == 1


def test_a_failure_has_the_worst_rank() -> None:
    failed = [*FIRST[:5], math.nan, math.nan]
    found = stats.compare_independent(failed, SECOND[:5])
    ranked = scipy_stats.mannwhitneyu([*FIRST[:5], 99.0, 100.0], SECOND[:5], method="exact")
    assert found.p == pytest.approx(ranked.pvalue, abs=0.05)  # the two failures are tied here
    assert found.failed == (2, 0)
    assert found.value == pytest.approx(FIRST[:5].mean() - SECOND[:5].mean())  # of those that finished
    alone = stats.compare_independent([*FIRST[:4], math.nan], SECOND[:6])
    exact = scipy_stats.mannwhitneyu([*FIRST[:4], 99.0], SECOND[:6], method="exact").pvalue
    assert alone.p == pytest.approx(exact, rel=1e-12)  # without ties it is the exact test


def test_a_change_that_fails_every_time_is_worse() -> None:
    found = stats.compare_independent([math.nan] * 7, SECOND[:7])
    assert found.p == pytest.approx(2 / math.comb(14, 7))
    assert (found.direction, found.failed) == (1, (7, 0))
    assert math.isnan(found.value)
    neither = stats.compare_independent([math.nan] * 7, [math.nan] * 7)
    assert (neither.p, neither.direction) == (1.0, 0)


def test_too_few_or_equal_values() -> None:
    none = stats.compare_independent([], SECOND)
    assert (none.n, math.isnan(none.p), math.isnan(none.value)) == (0, True, True)
    one = stats.compare_independent([-1.0], SECOND)
    assert (one.n, math.isnan(one.p), math.isnan(one.low)) == (1, True, True)
    assert stats.compare_independent([1.0, 1.0], [1.0, 1.0])[:3] == (0.0, 0.0, 0.0)
    assert stats.compare_independent([1.0, 1.0], [1.0, 1.0]).p == 1.0
    assert stats.compare_independent([1.0, 1.0], [2.0, 2.0]).p == 0.0


@pytest.mark.parametrize("spreads", [(0.2, 0.2), (0.1, 0.5)])
def test_where_nothing_differs_it_is_wrong_in_five_of_a_hundred(spreads: tuple[float, float]) -> None:
    rng = np.random.default_rng(11)
    p = [stats.compare_independent(*(rng.normal(0, spread, 7) for spread in spreads)).p for _ in range(2000)]
    assert 0.035 < np.mean(np.array(p) < 0.05) < 0.065


def test_the_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(12)
    found = [stats.compare_independent(rng.normal(0.3, 0.2, 7), rng.normal(0, 0.4, 10)) for _ in range(2000)]
    assert 0.935 < np.mean([each.low <= 0.3 <= each.high for each in found]) < 0.965
