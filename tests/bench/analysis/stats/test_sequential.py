"""The test that may be looked at: its formula, its error at any stopping time, its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate
from scipy import stats as scipy_stats

from bench.analysis import stats

EXPERIMENTS, REPLICATES = 4000, 56
NOISE = 3 * math.sqrt(0.05 * 0.95 / EXPERIMENTS)


def bayes_factor(d: np.ndarray, g: float = 1.0) -> float:
    """The formula in terms of t."""
    n, t = len(d), float(scipy_stats.ttest_1samp(d, 0).statistic)
    return (1 + n * g) ** -0.5 * ((1 + t**2 / (n - 1)) / (1 + t**2 / ((n - 1) * (1 + n * g)))) ** (n / 2)


def test_e_values_are_the_formula_and_the_integral() -> None:
    d = np.random.default_rng(0).normal(0.5, 1.3, 12)
    found = stats.e_values(d)
    assert found[0] == pytest.approx(1)
    for n in (2, 5, 12):
        assert found[n - 1] == pytest.approx(bayes_factor(d[:n]))
    n, t = 12, float(scipy_stats.ttest_1samp(d, 0).statistic)
    marginal, _ = integrate.quad(  # of t, over effects N(0, 1): the ratio of its densities is the same factor
        lambda e: scipy_stats.nct.pdf(t, n - 1, e * math.sqrt(n)) * scipy_stats.norm.pdf(e), -6, 6
    )
    assert found[-1] == pytest.approx(marginal / scipy_stats.t.pdf(t, n - 1), rel=1e-6)


def test_e_values_do_not_depend_on_the_unit_and_take_equal_differences() -> None:
    d = np.random.default_rng(1).normal(0.5, 1, 9)
    np.testing.assert_allclose(stats.e_values(d), stats.e_values(1e-20 * d))
    np.testing.assert_allclose(stats.e_values([2.0] * 6), [(1 + k) ** ((k - 1) / 2) for k in range(1, 7)])
    np.testing.assert_allclose(stats.e_values([0.0] * 4), 1 / np.sqrt(1 + np.arange(1, 5)))


def test_p_is_put_together_as_stated() -> None:
    d = np.random.default_rng(2).normal(0.9, 1, 15)
    p = stats.sequential_p(d)
    assert (p[:4] == 1).all()
    evidence = stats.e_values(d)
    favours = np.sign(np.cumsum(d)) == np.sign(d.sum())
    fixed = 2 * scipy_stats.ttest_1samp(d[:7], 0).pvalue
    best = max(evidence[k] for k in range(4, 15) if favours[k])
    assert p[-1] == pytest.approx(min(1, fixed, 2 / best))
    assert p[5] == pytest.approx(min(1, 2 / max(evidence[4:6])))


def test_for_one_side_p_never_rises() -> None:
    rng = np.random.default_rng(3)
    for row in rng.normal(0.6, 1, (200, 30)):
        p, side = stats.sequential_p(row), np.sign(np.cumsum(row))
        same = p[4:][side[4:] == side[-1]]
        assert (np.diff(same) <= 1e-12).all()


@pytest.mark.parametrize("kind", ["normal", "heavy", "two-valued"])
def test_equal_models_are_settled_one_time_in_twenty_at_any_stopping_time(kind: str) -> None:
    rng = np.random.default_rng(5)
    shape = EXPERIMENTS, REPLICATES
    draws = {
        "normal": lambda: rng.normal(0, 1, shape),
        "heavy": lambda: rng.standard_t(2, shape),
        "two-valued": lambda: rng.choice([-1.0, 1.0], shape),
    }[kind]()
    ever = (stats.sequential_p(draws)[:, 4:] < 0.05).any(axis=1).mean()
    assert ever <= (0.057 if kind == "two-valued" else 0.05) + NOISE


def test_power_is_what_the_design_says() -> None:
    d = np.random.default_rng(6).normal(1, 1, (EXPERIMENTS, 112))
    below = stats.sequential_p(d) < 0.0125
    assert np.where(below.any(axis=1), below.argmax(axis=1) + 1, 112).mean() == pytest.approx(18.7, abs=0.5)


def test_the_interval_covers_at_any_stopping_time() -> None:
    rng, covered = np.random.default_rng(7), 0
    for row in rng.normal(0.7, 1, (300, 30)):
        covered += all(
            low <= 0.7 <= high for low, high in (stats.sequential_interval(row[:n])[1:3] for n in (7, 8, 12, 20, 30))
        )
    assert covered / 300 >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 300)


def test_the_interval_is_the_stated_one() -> None:
    d = np.random.default_rng(8).normal(0.7, 1, 9)
    level = 0.05
    assert stats.sequential_interval(d[:4])[1:3] == (-math.inf, math.inf)
    look = scipy_stats.t.interval(1 - level / 2, 6, d[:7].mean(), scipy_stats.sem(d[:7]))
    low, high = look
    for n in (5, 6, 7, 8, 9):
        c = (4 * (1 + n) / level**2) ** (1 / n)
        if c < 1 + n:
            half = scipy_stats.sem(d[:n]) * math.sqrt((n - 1) * (c - 1) * (1 + n) / ((1 + n) - c))
            low, high = max(low, d[:n].mean() - half), min(high, d[:n].mean() + half)
    assert stats.sequential_interval(d)[1:3] == pytest.approx((low, high))


def test_signs_alone_may_be_looked_at_too() -> None:
    assert stats.sign_e_values([1] * 8)[-1] == pytest.approx(2**8 / 9)
    rng = np.random.default_rng(9)
    ever = [stats.sign_e_values(row).max() >= 20 for row in rng.choice([-1, 1], (EXPERIMENTS, 40))]
    assert np.mean(ever) <= 0.05 + NOISE
