"""Statistics of our own, which spare commands the 0.6 s of importing scipy.stats, are SciPy's and statsmodels'."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, special
from scipy import stats as scipy_stats

from bench.analysis import stats
from bench.analysis.stats import bootstrap, exact, survival

HORIZON = 100.0
RNG = np.random.default_rng(7)


@pytest.mark.parametrize("n", [4, 5, 6, 7, 21])
def test_the_middle_mean_is_the_trimmed_mean(n: int) -> None:
    scores = RNG.normal(size=(3, n))
    assert bootstrap._middle_mean(scores) == pytest.approx(scipy_stats.trim_mean(scores, 0.25, axis=1), abs=1e-14)


def test_mean_ranks_are_rankdata() -> None:
    values = RNG.integers(0, 6, size=40).astype(float)
    assert exact._mean_ranks(values).tolist() == scipy_stats.rankdata(values).tolist()
    assert exact._mean_ranks(np.array([2.0, np.inf, np.inf])).tolist() == [1.0, 2.5, 2.5]


@pytest.mark.parametrize("censored", [0, 3, 4, 9])
def test_the_median_and_the_restricted_mean_are_those_of_the_kaplan_meier_curve(censored: int) -> None:
    times = np.append(RNG.integers(1, 99, size=7).astype(float), [HORIZON + 1] * censored)
    curve = scipy_stats.ecdf(scipy_stats.CensoredData.right_censored(np.minimum(times, HORIZON), times > HORIZON)).sf
    found = stats.time_to_target(np.where(times > HORIZON, np.nan, times), HORIZON)
    area = np.diff(np.concatenate([[0.0], curve.quantiles, [HORIZON]])) @ np.concatenate([[1.0], curve.probabilities])
    assert found.restricted_mean == pytest.approx(area)
    below = curve.quantiles[curve.probabilities <= 0.5 + 1e-12]
    median = float(below[0]) if 2 * censored <= len(times) else math.nan
    assert found.median == pytest.approx(median, nan_ok=True)


def test_the_permutation_p_is_scipys() -> None:
    scores = RNG.normal(size=9)
    scores -= scores.mean()
    theirs = scipy_stats.permutation_test(
        (scores[:4], scores[4:]), lambda a, _: abs(a.sum()), alternative="greater", n_resamples=np.inf
    )
    found = survival._permutation_p(scores, 4, 2000, np.random.default_rng(0))
    assert found == pytest.approx(theirs.pvalue)


def test_corrections_for_many_tests_are_statsmodels() -> None:
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    p = RNG.uniform(size=12)
    assert stats.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert stats.benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


@pytest.mark.parametrize("n", [3, 7, 40])
def test_the_detectable_difference_is_brentqs_root_of_the_power(n: int) -> None:
    critical = special.stdtrit(n - 1, 0.975)

    def missing(effect: float) -> float:
        far, near = special.nctdtr(n - 1, effect * math.sqrt(n), np.array([-critical, critical]))
        return float(1 - near + np.nan_to_num(far) - 0.8)

    root = optimize.brentq(missing, 0.01, 20, xtol=1e-13)
    assert stats.detectable_difference(2.0, n) == pytest.approx(2 * root, rel=1e-9)
