import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.analysis import stats
from bench.analysis.stats.estimates import Array

Draw = Callable[[np.random.Generator, tuple[int, int]], Array]
NULLS: dict[str, Draw] = {  # of mean 0; their long tail is on the right
    "normal": lambda rng, shape: rng.normal(0, 1, shape),
    "exponential": lambda rng, shape: rng.exponential(1, shape) - 1,
    "log-normal": lambda rng, shape: rng.lognormal(0, 1, shape) - math.exp(0.5),
    "rarely much worse": lambda rng, shape: rng.normal(-0.5, 0.3, shape) + 2.5 * (rng.random(shape) < 0.2),
}


def test_skewness_is_scipys_and_flags_one_normal_sample_in_twenty() -> None:
    rng = np.random.default_rng(1)
    values = rng.exponential(1, 9)
    assert stats.skewness(values)[0] == pytest.approx(scipy_stats.skew(values, bias=False))
    flagged = np.mean([stats.skewed_against(rng.normal(0.5, 1, 10)) for _ in range(2000)])
    assert 0.02 < flagged < 0.07
    assert stats.skewed_against([-1, -1.1, -0.9, -1, -1.05, -0.95, 2])
    assert not stats.skewed_against([1, 1.1, 0.9, 1, 1.05, 0.95, 4])  # the tail is on the leader's side
    assert not stats.skewed_against([1.0, 1.0, 1.0])


def test_the_adjusted_p_is_that_of_halls_transformed_statistic() -> None:
    d = np.array([-1.0, -1.2, -0.8, -1.1, -0.9, -1.0, 0.3])
    s, g = d.mean() / d.std(), float(scipy_stats.skew(d))
    t = math.sqrt(7) * (((1 + g * s / 3) ** 3 - 1) / g + g / 42)  # the same cubic, written as Hall's inverse is found
    assert stats.skew_adjusted(d).p == pytest.approx(2 * scipy_stats.t.sf(abs(t), 6))
    assert stats.skew_adjusted(-d).p == pytest.approx(stats.skew_adjusted(d).p)
    assert stats.skew_adjusted(100 * d).p == pytest.approx(stats.skew_adjusted(d).p)
    assert stats.skew_adjusted(d).p > scipy_stats.ttest_1samp(d, 0).pvalue
    assert math.isnan(stats.skew_adjusted([1.0, 1.0, 1.0]).p)
    assert math.isnan(stats.skew_adjusted([1.0, 2.0]).low)


def test_a_symmetric_sample_is_tested_by_students_t_alone() -> None:
    d = 1.3 + np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    t = d.mean() / d.std() * math.sqrt(5)  # the standard deviation is divided by n there
    assert stats.skew_adjusted(d).p == pytest.approx(2 * scipy_stats.t.sf(t, 4))
    assert stats.skew_adjusted(d, shrink=0.5).p == pytest.approx(2 * scipy_stats.t.sf(t / 2, 4))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=5, max_size=12).filter(lambda values: np.std(values) > 0.01),
    st.floats(0.3, 1),
    st.floats(-2, 2),
)
def test_the_adjusted_interval_has_the_means_that_the_test_does_not_refute(
    values: list[float], shrink: float, mean: float
) -> None:
    d = np.array(values)
    found = stats.skew_adjusted(d, shrink=shrink)
    assert found.low <= found.value <= found.high
    for end in (found.low, found.high):
        assert stats.skew_adjusted(d - end, shrink=shrink).p == pytest.approx(0.05, rel=1e-4)
    if min(abs(mean - found.low), abs(mean - found.high)) > 1e-6:
        assert (stats.skew_adjusted(d - mean, shrink=shrink).p > 0.05) == (found.low < mean < found.high)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-3, 1), min_size=5, max_size=12).filter(lambda values: np.std(values) > 0.01))
def test_interval_and_p_of_two_models_agree(values: list[float]) -> None:
    found = stats.compare_losses(np.array(values), np.zeros(len(values)), 0.02)
    if abs(found.p - 0.05) > 1e-6:
        assert (found.p > 0.05) == (found.low < 0 < found.high)


def test_a_tail_that_ends_before_zero_does_no_harm() -> None:
    """40 times lower each time: with 7 pairs the sign flips, whose p is 2 / 2⁷, could not settle it among 30 tasks."""
    d = np.array([-3.72, -3.70, -3.71, -3.72, -3.69, -3.71, -3.45])
    assert stats.skewness(d)[0] > 2
    found = stats.compare_losses(d, np.zeros(7), 0.02)
    assert not found.skewed
    assert found.p < 1e-6


@pytest.mark.parametrize("kind", NULLS)
@pytest.mark.parametrize("n", [7, 10])
def test_the_rule_finds_no_more_among_equals_than_the_t_test_and_than_sign_flips_beside_it(kind: str, n: int) -> None:
    rng = np.random.default_rng(n)
    rows = NULLS[kind](rng, (3000, n))
    found = [stats.compare_losses(row, np.zeros(n), 0.02) for row in rows]
    t = scipy_stats.ttest_1samp(rows, 0, axis=1).pvalue
    flips = [max(p, stats.sign_flip(row)) if f.skewed else p for row, f, p in zip(rows, found, t, strict=True)]
    p = np.array([f.p for f in found])
    assert np.mean(p <= 0.05) <= min(np.mean(t <= 0.05), np.mean(np.array(flips) <= 0.05))
    assert np.mean(p <= 0.05) <= 0.058 or kind != "normal"
