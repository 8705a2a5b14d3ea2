"""Losses of two samples that share nothing: other seeds drew other data and weights, so no pairs can be made."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import CONFIDENCE, Array
from bench.analysis.stats.losses import LossComparison

RESAMPLES = 20_000  # of ranks: 8 replicates against 8 have 12,870 arrangements, so up to there the test is exact


def compare_independent(first: ArrayLike, second: ArrayLike) -> LossComparison:
    """Compare log10 losses `(n,)` and `(m,)`; NaN is a training that failed, and worse than every loss.

    Welch's t-test and interval (Welch 1947) of the difference of means. With failures the interval is of those that
    finished, and p that of the permutation test of rank sums (Wilcoxon 1945), with a failure as the worst rank. n: the
    smaller number of replicates. Nothing can be said without two on either side that finished.
    """
    samples = [np.asarray(side, dtype=np.float64).ravel() for side in (first, second)]
    finished = [sample[np.isfinite(sample)] for sample in samples]
    failed = len(samples[0]) - len(finished[0]), len(samples[1]) - len(finished[1])
    value, low, high, p = _welch(*finished)
    direction = 0 if math.isnan(value) else int(np.sign(value))
    if any(failed) and all(map(len, samples)):
        p, direction = _rank_sums(*samples)
    n = min(map(len, samples))
    return LossComparison(value, low, high, n, failed, p, direction, False, math.nan, np.zeros(0))


def _welch(first: Array, second: Array) -> tuple[float, float, float, float]:
    """The difference of means, the bounds of its interval, and p. Without any spread the interval has width 0, and p
    is 1 for no difference, 0 otherwise, as in `paired_difference`."""
    from scipy import special

    if not len(first) or not len(second):
        return (math.nan,) * 4
    value = float(first.mean() - second.mean())
    if min(len(first), len(second)) < 2:
        return value, math.nan, math.nan, math.nan
    parts = [float(sample.var(ddof=1)) / len(sample) for sample in (first, second)]
    error = math.sqrt(sum(parts))
    if error == 0.0:
        return value, value, value, 1.0 if value == 0 else 0.0
    sizes = len(first), len(second)
    freedom = sum(parts) ** 2 / sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    half = float(special.stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * error
    return value, value - half, value + half, 2 * float(special.stdtr(freedom, -abs(value) / error))


def _rank_sums(first: Array, second: Array) -> tuple[float, int]:
    """p, and −1 where the ranks of the first are the lower ones, 1 where they are the higher ones."""
    from scipy import stats

    ranks = stats.rankdata(np.nan_to_num(np.concatenate([first, second]), nan=math.inf))
    sides = ranks[: len(first)], ranks[len(first) :]
    shuffled = stats.PermutationMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(0))
    p = float(stats.mannwhitneyu(*sides, method=shuffled).pvalue)
    return p, int(np.sign(sides[0].mean() - sides[1].mean()))
