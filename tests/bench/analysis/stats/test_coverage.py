"""Do 95 % intervals hold the truth 95 times in 100? 2,000 simulated experiments a method and number of seeds."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.analysis import stats

EXPERIMENTS = 2000
SEEDS = [5, 10, 20]
BAND = (0.93, 0.97)
NOISE = 3 * math.sqrt(0.05 * 0.95 / EXPERIMENTS)  # three standard errors of a share that is 0.95


def covers(interval, truth: float) -> bool:
    return bool(interval.low <= truth <= interval.high)


def log_losses(rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Skewed losses (gamma) of two models, on the logarithmic scale on which they are compared."""
    return np.log10(rng.gamma(2, 1.0, n)), np.log10(rng.gamma(2, 1.5, n))


@pytest.mark.parametrize("n", SEEDS)
def test_paired_log_losses(n: int) -> None:
    rng, truth = np.random.default_rng(n), math.log10(2 / 3)
    share = np.mean([covers(stats.paired_difference(*log_losses(rng, n)), truth) for _ in range(EXPERIMENTS)])
    assert BAND[0] <= share <= BAND[1]


@pytest.mark.parametrize("n", SEEDS)
def test_interquartile_mean_of_skewed_scores(n: int) -> None:
    rng = np.random.default_rng(n)

    def scores(count: int) -> list[np.ndarray]:
        return [1 - np.exp(rng.normal(m, sd, count)) for m, sd in ((-3, 0.6), (-1.5, 0.5), (-0.7, 0.3))]

    truth = float(scipy_stats.trim_mean(np.concatenate(scores(300_000)), 0.25))
    share = np.mean(
        [covers(stats.interquartile_mean(scores(n), rng=rng, resamples=500), truth) for _ in range(EXPERIMENTS)]
    )
    assert BAND[0] <= share <= BAND[1]


def improvement_coverage(n: int, shifts: tuple[float, ...]) -> float:
    """Normal scores with these shifts on as many tasks."""
    rng = np.random.default_rng(n)
    truth = float(np.mean([scipy_stats.norm.cdf(shift / math.sqrt(2)) for shift in shifts]))
    covered = 0
    for _ in range(EXPERIMENTS):
        first, second = [rng.normal(shift, 1, n) for shift in shifts], [rng.normal(0, 1, n) for _ in shifts]
        covered += covers(stats.probability_of_improvement(first, second, rng=rng, resamples=600), truth)
    return covered / EXPERIMENTS


@pytest.mark.parametrize("n", SEEDS)
@pytest.mark.parametrize("shifts", [(0.3, 0.8, 0.0), (0.5, 1.0)])
def test_probability_of_improvement(n: int, shifts: tuple[float, ...]) -> None:
    assert BAND[0] <= improvement_coverage(n, shifts) <= BAND[1]


def test_probabilities_near_one_have_the_coverage_that_the_report_admits() -> None:
    assert improvement_coverage(5, (1.5, 2.5)) == pytest.approx(0.86, abs=0.02)
    assert BAND[0] - NOISE <= improvement_coverage(20, (1.5, 2.5)) <= BAND[1]


@pytest.mark.parametrize("n", SEEDS)
def test_equivalence_is_claimed_of_unequal_models_at_most_one_time_in_twenty(n: int) -> None:
    """At the margin itself, the worst case."""
    rng, margin = np.random.default_rng(n), 0.2
    claimed = [stats.equivalence(rng.normal(margin, 0.15, n), np.zeros(n), margin).p < 0.05 for _ in range(EXPERIMENTS)]
    assert np.mean(claimed) <= 0.05 + NOISE
    similar = [stats.equivalence(rng.normal(0, 0.05, n), np.zeros(n), margin).p < 0.05 for _ in range(200)]
    assert np.mean(similar) > 0.95


@pytest.mark.parametrize("n", SEEDS)
def test_a_limit_is_passed_by_chance_at_most_one_time_in_a_hundred(n: int) -> None:
    """Perfect models on noise: the loss of 400 test values is its variance, give or take."""
    rng = np.random.default_rng(n)
    losses = rng.chisquare(400, (EXPERIMENTS, n)) / 400
    alarms = [stats.below_limit(row, np.ones(n)) < 0.01 for row in losses]
    assert np.mean(alarms) <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / EXPERIMENTS)


@pytest.mark.parametrize("n", SEEDS)
def test_log_rank_finds_a_difference_between_equals_one_time_in_twenty(n: int) -> None:
    rng = np.random.default_rng(n)
    found = 0
    for _ in range(500):
        first, second = (np.where((t := rng.exponential(100, n)) < 150, t, np.nan) for _ in range(2))
        found += stats.log_rank(first, second, 150, rng=rng, resamples=500) < 0.05
    assert found / 500 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 500)
