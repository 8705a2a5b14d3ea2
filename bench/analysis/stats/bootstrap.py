"""Intervals by resampling, for scores over several tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import (
    CONFIDENCE,
    RESAMPLES,
    Array,
    Estimate,
    finite,
)


def interquartile_mean(
    strata: Sequence[ArrayLike],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Mean of the middle half of all scores, with a stratified bootstrap interval (Agarwal et al. 2021).

    strata: for each task the scores of its replicates, `(n_task,)`; a resample draws within each task. The percentile
    interval is stretched about the value by √(m / (m − 1)), since resamples of m replicates vary by that much less
    than fresh ones would, and by the ratio of the t to the normal quantile with half of the degrees of freedom, as
    half of the scores make up the mean. Simulated coverage of 95 % intervals on skewed scores of 3 tasks with n = 5,
    10, 20: 95, 95, 95 %; not stretched 86, 92, 92 %.
    """
    from scipy import special

    groups = [group for group in map(finite, strata) if len(group)]
    n = sum(map(len, groups))
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    value = float(_middle_mean(np.concatenate(groups)))
    if max(map(len, groups)) < 2:  # nothing to resample within a task
        return Estimate(value, math.nan, math.nan, n)
    drawn = np.concatenate([_resample(group, resamples, rng) for group in groups], axis=1)
    low, high = _percentiles(_middle_mean(drawn))
    m, freedom, level = n / len(groups), max(1.0, (n - len(groups)) / 2), 0.5 + CONFIDENCE / 2
    stretch = math.sqrt(m / (m - 1)) * float(special.stdtrit(freedom, level) / special.ndtri(level))
    return Estimate(value, value + (low - value) * stretch, value + (high - value) * stretch, n)


def _middle_mean(scores: Array) -> Array:
    """Means of the last axis without its lowest and its highest quarter, rounded down: `(…, n)` to `(…,)`."""
    n = scores.shape[-1]
    cut = n // 4
    kept: Array = np.partition(scores, (cut, n - cut - 1), axis=-1)[..., cut : n - cut]
    return np.asarray(kept.mean(axis=-1))


def probability_of_improvement(
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Probability that a run of `first` scores higher than one of `second`, averaged over tasks; ties count half.

    first, second: for each task the scores `(n,)` of both (the same tasks in the same order). The interval is a
    percentile bootstrap stratified by task (Agarwal et al. 2021), stretched about the value by √(m / (m − 1)) as that
    of `interquartile_mean`; `n` counts tasks. Simulated coverage of 95 % intervals with n = 5, 10, 20: 94 to 96 %
    (not stretched 92 to 95 %); of a probability of 0.9 with n = 5 it is 86 %, as hardly a resample differs.
    """
    pairs = [(a, b) for a, b in zip(map(finite, first), map(finite, second), strict=True) if len(a) and len(b)]
    if not pairs:
        return Estimate(math.nan, math.nan, math.nan, 0)
    above = [_superiority(a, b) for a, b in pairs]
    value = float(np.mean([each.mean() for each in above]))
    if min(min(len(a), len(b)) for a, b in pairs) < 2:
        return Estimate(value, math.nan, math.nan, len(pairs))
    drawn = [_resampled_share(each, resamples, rng) for each in above]
    low, high = _percentiles(np.mean(drawn, axis=0))
    m = float(np.mean([n for each in above for n in each.shape]))
    low, high = (value + (bound - value) * math.sqrt(m / (m - 1)) for bound in (low, high))
    return Estimate(value, max(low, 0.0), min(high, 1.0), len(pairs))


class Profile(NamedTuple):
    """A performance profile: `share` `(k,)` of runs above each of `thresholds` `(k,)`, with pointwise bounds."""

    thresholds: Array
    share: Array
    low: Array
    high: Array


def performance_profile(
    strata: Sequence[ArrayLike],
    thresholds: ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Profile:
    """Share of runs whose score is above each threshold, every task weighted alike (Agarwal et al. 2021).

    strata: for each task the scores `(n_task,)`; a missing score (a run that failed) is above nothing and still
    counts. The band is a percentile bootstrap, stratified by task.
    """
    levels = np.asarray(thresholds, dtype=np.float64).ravel()
    groups = [np.nan_to_num(np.asarray(s, dtype=np.float64).ravel(), nan=-np.inf) for s in strata]
    groups = [group for group in groups if len(group)]
    if not groups:
        nothing = np.full(levels.shape, math.nan)
        return Profile(levels, nothing, nothing, nothing)

    def shares(runs: Array) -> Array:
        """`(r, n)` scores as `(r, k)` shares."""
        above = [(runs > level).mean(axis=1) for level in levels]  # a loop: (r, n, k) at once can be gigabytes
        return np.stack(above, axis=1)

    value = np.mean([shares(group[None])[0] for group in groups], axis=0)
    drawn = np.mean([shares(_resample(group, resamples, rng)) for group in groups], axis=0)
    low, high = np.quantile(drawn, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2], axis=0)
    return Profile(levels, value, low, high)


def _resample(values: Array, resamples: int, rng: np.random.Generator) -> Array:
    """`(resamples, n)`: each row drawn with replacement from `values` `(n,)`."""
    return values[rng.integers(len(values), size=(resamples, len(values)))]


def _resampled_share(above: Array, resamples: int, rng: np.random.Generator) -> Array:
    """Means of `above` `(n, m)` over resampled rows and columns: `(resamples,)`."""
    first, second = (_counts(n, resamples, rng) for n in above.shape)
    return np.asarray(((first @ above) * second).sum(axis=1) / above.size)


def _counts(n: int, resamples: int, rng: np.random.Generator) -> Array:
    """`(resamples, n)`: how often each of n values is drawn with replacement; the draws of `_resample`."""
    drawn = rng.integers(n, size=(resamples, n)) + n * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=n * resamples).reshape(resamples, n).astype(np.float64)


def _superiority(first: Array, second: Array) -> Array:
    """1 where `first` `(n,)` is above `second` `(m,)`, 1/2 where they are equal, else 0: `(n, m)`."""
    return np.asarray(np.sign(first[:, None] - second[None, :]) / 2 + 0.5)


def _percentiles(values: Any) -> tuple[float, float]:
    low, high = np.quantile(values, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return float(low), float(high)
