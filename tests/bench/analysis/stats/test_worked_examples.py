"""Published worked examples, agreement with SciPy, and cases done by hand."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.analysis import stats

# Student 1908, table of the additional hours of sleep gained by ten patients with two drugs
FIRST_DRUG = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND_DRUG = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
# Freireich et al. 1963: weeks of remission of 21 patients with placebo
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

FLOATS = st.lists(st.floats(-5, 5), min_size=4, max_size=12)


def test_students_sleep_data() -> None:
    found = stats.paired_difference(FIRST_DRUG, SECOND_DRUG)
    assert found.value == pytest.approx(-1.58)
    assert (found.low, found.high) == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)
    assert found.p == pytest.approx(0.002833, abs=1e-6)
    # t = -4.0621 is d_z·√10; Hedges' factor for 9 degrees of freedom is 1 - 3/35
    expected = -4.062128 / math.sqrt(10) * (1 - 3 / 35)
    assert stats.effect_size(FIRST_DRUG, SECOND_DRUG) == pytest.approx(expected, rel=1e-6)


def test_the_median_remission_with_placebo_is_eight_weeks() -> None:
    found = stats.time_to_target(PLACEBO, horizon=35)
    assert found.median == 8
    assert found.restricted_mean == pytest.approx(np.mean(PLACEBO))


def test_effect_sizes_of_too_little_and_of_no_spread() -> None:
    assert math.isnan(stats.effect_size([1, 2], [0, 0]))
    assert math.isnan(stats.effect_size([1, 2, 3], [0, 1, 2]))


@given(FLOATS)
def test_equivalence_is_the_larger_of_two_one_sided_tests(values: list[float]) -> None:
    data = np.array(values)
    if data.std() < 1e-3:
        return
    found = stats.equivalence(data, 0 * data, 1.5)
    below = scipy_stats.ttest_1samp(data, 1.5, alternative="less").pvalue
    above = scipy_stats.ttest_1samp(data, -1.5, alternative="greater").pvalue
    assert found.p == pytest.approx(max(below, above), rel=1e-9, abs=1e-15)
    assert (found.p < 0.05) == (found.low > -1.5 and found.high < 1.5)


def test_equivalence_of_constants_of_too_little_and_of_a_wrong_margin() -> None:
    assert stats.equivalence([1, 2, 3], [1, 2, 3], 0.1).p == 0
    assert stats.equivalence([2, 3, 4], [1, 2, 3], 0.1).p == 1
    assert math.isnan(stats.equivalence([1], [2], 0.1).p)
    with pytest.raises(ValueError, match="above 0"):
        stats.equivalence([1, 2], [1, 2], 0)


def test_below_limit_is_students_one_sided_test_of_log_ratios() -> None:
    losses, limits = np.array([0.9, 0.8, 0.95, 0.7]), np.ones(4)
    expected = scipy_stats.ttest_1samp(np.log(losses), 0, alternative="less").pvalue
    assert stats.below_limit(losses, limits) == pytest.approx(expected)
    assert stats.below_limit([0.5, 0.5, 0.5], [1, 1, 1]) == 0
    assert stats.below_limit([1, 1, 1], [1, 1, 1]) == 1
    assert math.isnan(stats.below_limit([0.5, 0.4], [1, 1]))


def log_rank(first: Any, second: Any, horizon: float, resamples: int = 2000) -> float:
    return stats.log_rank(first, second, horizon, rng=np.random.default_rng(0), resamples=resamples)


def test_log_rank_agrees_with_scipys_approximation_where_there_are_many() -> None:
    rng = np.random.default_rng(4)
    for rate in (100, 115, 150):
        first, second = (np.where((t := rng.exponential(r, 120)) < 200, t, np.nan) for r in (100, rate))
        samples = [
            scipy_stats.CensoredData.right_censored(np.nan_to_num(times, nan=200), np.isnan(times))
            for times in (first, second)
        ]
        found = log_rank(first, second, 200, 20_000)
        assert found == pytest.approx(scipy_stats.logrank(*samples).pvalue, abs=0.012)


def test_log_rank_is_the_share_of_divisions_whose_observed_and_expected_are_as_far_apart() -> None:
    """Counted over all 252 divisions of 10 runs, with Mantel's sums written out."""
    first, second = np.array([5.0, 9, 20, math.nan, 11]), np.array([15.0, 30, math.nan, 9, 28])
    times = np.nan_to_num(np.concatenate([first, second]), nan=np.inf)

    def distance(side: tuple[int, ...]) -> float:
        mine = np.isin(np.arange(10), side)
        moments = np.unique(times[np.isfinite(times)])
        expected = sum((times == t).sum() * (mine & (times >= t)).sum() / (times >= t).sum() for t in moments)
        return float(abs(np.isfinite(times[mine]).sum() - expected))

    far = [distance(side) >= distance((0, 1, 2, 3, 4)) - 1e-9 for side in itertools.combinations(range(10), 5)]
    assert log_rank(first, second, 40) == pytest.approx(np.mean(far))
    assert log_rank(first, second, 40) == pytest.approx(log_rank(second, first, 40))


def test_log_rank_of_no_events_is_unknown() -> None:
    assert math.isnan(log_rank([math.nan] * 3, [math.nan], 40))
    assert math.isnan(log_rank([], [1.0, 2.0], 40))
    assert math.isnan(log_rank([1.0], [2.0, 3.0], 5))


def test_a_shorter_search_selects_from_its_beginning() -> None:
    valid, test = [0.5, math.nan, 0.3, 0.3, 0.4, 0.1], [5.0, 9.0, 3.0, 1.0, 2.0, 4.0]
    assert stats.selected_so_far(valid, test).tolist() == [5, 5, 3, 3, 3, 4]  # selected on validation data, not on test
    assert stats.selected_so_far(valid[:3], test[:3]).tolist() == [5, 5, 3]
    late = stats.selected_so_far([math.nan, 0.2], [1.0, 7.0])
    assert math.isnan(late[0])
    assert late[1] == 7
    assert stats.selected_so_far([], []).shape == (0,)


def test_performance_profile_by_hand_counts_failures_as_misses() -> None:
    rng = np.random.default_rng(0)
    profile = stats.performance_profile([[0.2, 0.6], [0.9, math.nan, 0.9, 0.9]], [0.0, 0.5, 0.95], rng=rng)
    assert profile.share.tolist() == [(1 + 0.75) / 2, (0.5 + 0.75) / 2, 0]
    assert (profile.low <= profile.share).all()
    assert (profile.share <= profile.high).all()
    assert np.isnan(stats.performance_profile([], [0.5], rng=rng).share).all()
