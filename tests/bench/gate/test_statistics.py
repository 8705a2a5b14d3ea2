"""The gate's tests against SciPy's, at their margins, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.analysis.stats import holm
from bench.gate.rule import ALPHA, CHECKED
from bench.gate.statistics import paired_shift, pooled_p, unpaired_shift

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


def both_looks(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p-values of the first half and of all 24, which are the last axis."""
    halves = (values[..., :CHECKED], values)
    first, together = (stats.ttest_1samp(part, MARGIN, axis=-1, alternative="greater").pvalue for part in halves)
    return first, together


def failing(shifts: list[float], sd: float, *, checks: int, seed: int) -> np.ndarray:
    """Which cells fail, (checks, cells), of simulated checks. shifts: each cell's true mean on log2."""
    rng = np.random.default_rng(seed)
    values = rng.normal(np.array(shifts)[:, None], sd, (checks, len(shifts), 2 * CHECKED))
    first, together = both_looks(values)
    return np.array([holm(row) < ALPHA for row in pooled_p(first, together)])


def test_the_simulated_test_is_the_gates() -> None:
    values = np.random.default_rng(3).normal(0.1, 0.2, 24)
    p = stats.ttest_1samp(values, MARGIN, alternative="greater").pvalue
    assert paired_shift(values, MARGIN).p_worse == pytest.approx(p)


@pytest.mark.parametrize("cells", [1, 12])
def test_code_at_the_margin_fails_in_one_check_of_a_hundred(cells: int) -> None:
    """40,000 checks whose true slow-down is the margin in all cells: 0.9 to 1.1 % have an alarm."""
    alarms = failing([MARGIN] * cells, 0.2, checks=40_000, seed=cells).any(axis=1).mean()
    assert 0.009 <= alarms <= 0.011


def test_unchanged_code_fails_in_fewer() -> None:
    assert failing([0.0] * 12, 0.2, checks=5_000, seed=2).any(axis=1).mean() < 0.001


def test_a_slow_down_of_a_fifth_is_found_in_six_checks_of_seven() -> None:
    """One of twelve cells, spread 0.2 on log2: 0.86. Where both halves must fail on their own it was 0.22."""
    found = failing([math.log2(1.2), *[0.0] * 11], 0.2, checks=5_000, seed=1)[:, 0].mean()
    assert 0.84 <= found <= 0.89


def test_the_first_half_costs_hardly_any_power() -> None:
    """Against a check that always trains all 24."""
    rng = np.random.default_rng(4)
    values = rng.normal(math.log2(1.2), 0.2, (20_000, 24))
    first, together = both_looks(values)
    always, pooled = (together < ALPHA / 12).mean(), (pooled_p(first, together) < ALPHA / 12).mean()
    assert 0 <= always - pooled < 0.01


def test_a_pooled_p_counts_where_the_first_half_leaves_the_matter_open() -> None:
    assert pooled_p([0.19, 0.2, 0.9], [0.001, 0.001, math.nan]).tolist() == [0.001, 1.0, 1.0]
    assert math.isnan(float(pooled_p(math.nan, 0.001)))
