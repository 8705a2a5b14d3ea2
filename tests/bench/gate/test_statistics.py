"""The gate's tests against SciPy's, at their margins, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.gate.statistics import paired_shift, unpaired_shift

MARGIN = math.log2(1.05)


@pytest.mark.parametrize("seed", range(5))
def test_paired_is_scipys_t_test_of_the_differences_against_the_margin(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.05, 0.2, 12)
    shift = paired_shift(values, MARGIN)
    assert shift.p_worse == pytest.approx(stats.ttest_1samp(values, MARGIN, alternative="greater").pvalue, rel=1e-9)
    assert shift.p_better == pytest.approx(stats.ttest_1samp(values, -MARGIN, alternative="less").pvalue, rel=1e-9)
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (shift.low, shift.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("seed", range(5))
def test_unpaired_is_scipys_welch_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    new, old = rng.normal(9.1, 0.3, 24), rng.normal(9.0, 0.1, 20)
    shift = unpaired_shift(new, old, MARGIN)
    expected = stats.ttest_ind(new - MARGIN, old, equal_var=False, alternative="greater")
    assert shift.p_worse == pytest.approx(expected.pvalue, rel=1e-9)
    interval = stats.ttest_ind(new, old, equal_var=False).confidence_interval(0.95)
    assert (shift.low, shift.high) == pytest.approx((interval.low, interval.high))
    assert shift.n == 20


def test_equal_differences_are_no_proof_of_certainty() -> None:
    """Twelve differences of exactly 6 % pass with the floor under the spread; without it p would be 0."""
    shift = paired_shift([math.log2(1.06)] * 12, MARGIN)
    error = 0.01 / math.sqrt(12)
    assert shift.p_worse == pytest.approx(float(stats.t.sf((math.log2(1.06) - MARGIN) / error, 11)))
    assert shift.p_worse > 1e-4


@pytest.mark.parametrize("values", [[], [0.3]])
def test_too_few_say_nothing(values: list[float]) -> None:
    assert math.isnan(paired_shift(values, MARGIN).p_worse)
    assert math.isnan(unpaired_shift(values, [1.0, 2.0], MARGIN).p_worse)


def test_at_the_margin_the_test_rejects_as_often_as_it_says() -> None:
    """2,000 experiments whose true change is exactly the margin: p is uniform there."""
    rng = np.random.default_rng(1)
    ps = np.array([paired_shift(rng.normal(MARGIN, 0.16, 12), MARGIN).p_worse for _ in range(2000)])
    assert stats.kstest(ps, "uniform").pvalue > 0.01
    assert abs((ps < 0.05).mean() - 0.05) < 3 * math.sqrt(0.05 * 0.95 / 2000)
