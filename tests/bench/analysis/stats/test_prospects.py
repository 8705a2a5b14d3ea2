"""What could have been found, and what more replicates may find."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.analysis import stats


@pytest.mark.parametrize("n", [5, 7, 20])
def test_the_detectable_difference_is_statsmodels_and_is_found_in_4_of_5(n: int) -> None:
    least = stats.detectable_difference(2.0, n)
    power = pytest.importorskip("statsmodels.stats.power").TTestPower()
    assert least == pytest.approx(2 * power.solve_power(nobs=n, alpha=0.05, power=0.8), rel=1e-4)
    d = np.random.default_rng(n).normal(least, 2.0, (4000, n))
    t = d.mean(axis=1) / (d.std(axis=1, ddof=1) / math.sqrt(n))
    from scipy import special

    assert (np.abs(t) > special.stdtrit(n - 1, 0.975)).mean() == pytest.approx(0.8, abs=0.03)
    assert math.isnan(stats.detectable_difference(0.0, n))


@pytest.mark.parametrize("below", [1, 6])
def test_the_chance_of_being_settled_is_calibrated(below: int) -> None:
    """Over experiments drawn from the prior, those said to have a chance of 20 to 60 % are settled as often.

    below: a mean below 0 is the best of so many, so its p is multiplied by their number.
    """

    def p(d: np.ndarray) -> np.ndarray:
        return np.asarray(stats.sequential_p(d) * np.where(np.cumsum(d) < 0, below, 1))

    rng, said, came, lower = np.random.default_rng(1), [], [], []
    for _ in range(900):
        effect = rng.normal() if rng.random() < 0.5 else 0.0
        d = rng.normal(effect, 1, 20)
        if p(d[:7])[-1] >= 0.05:
            said.append(stats.settle_chance(d[:7], 20, rng=rng, below=below, futures=200))
            came.append((p(d)[7:] < 0.05).any())
            lower.append(d[:7].mean() < 0)
    said_, came_ = np.array(said), np.array(came)
    middle = (said_ > 0.2) & (said_ < 0.6)
    for side in (np.array(lower), ~np.array(lower)):
        assert said_[side].mean() == pytest.approx(came_[side].mean(), abs=0.04)
    assert came_[middle].mean() == pytest.approx(said_[middle].mean(), abs=0.12)


def test_what_is_settled_is_certain_and_hopeless_ones_are_known() -> None:
    rng = np.random.default_rng(2)
    assert stats.settle_chance([1.0, 1.1, 0.9, 1.0, 1.2, 1.0, 0.8], 20, rng=rng) == 1
    none = np.array([0.5, -0.5, 0.4, -0.4, 0.6, -0.6, 0.1, -0.1, 0.3, -0.3] * 4)
    assert stats.settle_chance(none, 56, rng=rng) < 0.05
    assert stats.settle_chance(none, len(none), rng=rng) == 0
    assert math.isnan(stats.settle_chance([1.0], 20, rng=rng))
