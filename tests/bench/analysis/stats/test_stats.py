"""Statistics against SciPy, against hand-computed cases, and against simulated truth."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.analysis import stats

PAIRS = st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=3, max_size=20)


@given(PAIRS)
@settings(derandomize=True, max_examples=60)
def test_paired_difference_is_the_paired_t_test(pairs: list[tuple[float, float]]) -> None:
    first, second = np.array(pairs).T
    if (first - second).std() < 1e-6:  # SciPy warns of cancellation there; the exact case has its own test
        return
    ours, theirs = stats.paired_difference(first, second), scipy_stats.ttest_rel(first, second)
    bounds = theirs.confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((bounds.low, bounds.high), rel=1e-9, abs=1e-9)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-7, abs=1e-12)


def test_a_missing_half_leaves_the_pair_out() -> None:
    paired = stats.paired_difference([1.0, 2.0, math.nan, 5.0], [0.0, 1.0, 1.0, math.nan])
    assert paired == (1.0, 1.0, 1.0, 2, 0.0)


def test_equal_values_have_an_interval_of_no_width_and_no_nan() -> None:
    same = [0.1, 0.7, 0.3, 0.9, 0.2]
    assert stats.paired_difference(same, same) == (0.0, 0.0, 0.0, 5, 1.0)
    assert stats.mean_interval([0.1] * 7) == (0.1, 0.1, 0.1, 7)


@pytest.mark.parametrize(("values", "n"), [([], 0), ([2.0], 1), ([math.nan], 0)])
def test_too_few_values_have_no_interval(values: list[float], n: int) -> None:
    estimate = stats.mean_interval(values)
    assert estimate.n == n
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_the_paired_interval_covers_the_truth_on_skewed_losses(n: int) -> None:
    rng = np.random.default_rng(n)
    truth, covered = math.log10(2 / 3), 0
    for _ in range(2000):
        first, second = rng.gamma(2, 1.0, n), rng.gamma(2, 1.5, n)
        interval = stats.paired_difference(np.log10(first), np.log10(second))
        covered += interval.low <= truth <= interval.high
    assert 0.93 <= covered / 2000 <= 0.97


def test_holm_by_hand() -> None:
    # 0.01·4, then max with 0.02·3, 0.03·2, 0.04·1
    assert stats.holm([0.02, 0.01, 0.04, 0.03]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert stats.holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_benjamini_hochberg_by_hand() -> None:
    # 0.04·4/4, then min with 0.03·4/3, 0.02·4/2, 0.001·4
    assert stats.benjamini_hochberg([0.02, 0.001, 0.04, 0.03]).tolist() == pytest.approx([0.04, 0.004, 0.04, 0.04])
    assert stats.benjamini_hochberg([0.9, 0.8]).tolist() == [0.9, 0.9]


@pytest.mark.parametrize("correct", [stats.holm, stats.benjamini_hochberg])
def test_what_could_not_be_tested_is_not_counted(correct: Callable[[list[float]], np.ndarray]) -> None:
    adjusted = correct([0.01, math.nan, 0.04])
    assert adjusted[[0, 2]].tolist() == pytest.approx([0.02, 0.04])
    assert math.isnan(adjusted[1])
    assert correct([]).tolist() == []


def test_the_interquartile_mean_ignores_the_outer_quarters() -> None:
    estimate = stats.interquartile_mean([[0, 1, 2, 3], [4, 5, 6, 1000.0]], rng=np.random.default_rng(0))
    assert estimate.value == 3.5  # of 2, 3, 4, 5
    assert estimate.n == 8
    assert estimate.low < 3.5 < estimate.high


def test_the_interquartile_mean_is_repeatable_and_covers() -> None:
    groups = [np.arange(10.0), np.arange(10.0) ** 1.5]
    first, second = (stats.interquartile_mean(groups, rng=np.random.default_rng(7)) for _ in range(2))
    assert first == second
    rng, covered = np.random.default_rng(1), 0
    for _ in range(300):
        drawn = [rng.normal(0.5, 0.2, 15) for _ in range(3)]
        estimate = stats.interquartile_mean(drawn, rng=rng, resamples=400)
        covered += estimate.low <= 0.5 <= estimate.high
    assert 0.90 <= covered / 300 <= 0.98


def test_one_replicate_a_task_has_no_bootstrap_interval() -> None:
    estimate = stats.interquartile_mean([[0.1], [0.2]], rng=np.random.default_rng(0))
    assert estimate.value == pytest.approx(0.15)
    assert math.isnan(estimate.low)


def test_probability_of_improvement_counts_pairs_with_ties_as_half() -> None:
    rng = np.random.default_rng(0)
    estimate = stats.probability_of_improvement([[1, 2, 3], [1, 1]], [[2, 2, 2], [1, 1]], rng=rng)
    assert estimate.value == pytest.approx(np.mean([(1 + 0.5 * 1) / 3, 0.5]))  # hand count: 3 wins and 3 ties of 9
    u = scipy_stats.mannwhitneyu([1.0, 4, 6], [2.0, 3, 5]).statistic / 9
    assert stats.probability_of_improvement([[1, 4, 6]], [[2, 3, 5]], rng=rng).value == pytest.approx(u)


def test_probability_of_improvement_of_a_better_model_is_one_and_of_nothing_nan() -> None:
    rng = np.random.default_rng(0)
    assert stats.probability_of_improvement([[3, 4]], [[1, 2]], rng=rng)[:3] == (1.0, 1.0, 1.0)
    assert math.isnan(stats.probability_of_improvement([[]], [[1.0]], rng=rng).value)


def test_time_to_target_by_hand() -> None:
    survival = stats.time_to_target([10, 20, math.nan, 40], horizon=100)
    # unsolved: all for 10, 3/4 for 10, 2/4 for 20, 1/4 for 60
    assert survival.restricted_mean == pytest.approx(10 + 7.5 + 10 + 15)
    assert survival.median == 20
    assert (survival.n, survival.solved) == (4, 3)


def test_the_median_time_is_missing_where_fewer_than_half_got_there() -> None:
    survival = stats.time_to_target([10, math.nan, math.nan], horizon=50)
    assert math.isnan(survival.median)
    assert survival.restricted_mean == pytest.approx((10 + 50 + 50) / 3)
    never = stats.time_to_target([math.nan] * 3, horizon=50)
    assert math.isnan(never.median)
    assert never.restricted_mean == 50


@given(st.lists(st.floats(1, 99), min_size=1, max_size=15), st.integers(0, 5))
@settings(derandomize=True, max_examples=60)
def test_the_restricted_mean_is_the_mean_of_times_cut_at_the_horizon(times: list[float], unsolved: int) -> None:
    survival = stats.time_to_target([*times, *[math.nan] * unsolved], horizon=100)
    assert survival.restricted_mean == pytest.approx(np.mean([*times, *[100.0] * unsolved]))


def test_solve_rate_is_wilsons_interval() -> None:
    for solved, n in ((0, 4), (2, 5), (7, 7), (19, 40)):
        found = stats.solve_rate(solved, n)
        expected = scipy_stats.binomtest(solved, n).proportion_ci(method="wilson")
        assert (found.value, found.low, found.high) == pytest.approx((solved / n, *expected), abs=1e-12)
    assert stats.solve_rate(5, 5).high == 1.0
    assert math.isnan(stats.solve_rate(0, 0).value)
