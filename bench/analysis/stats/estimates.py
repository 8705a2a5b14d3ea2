"""Estimates with intervals from Student's t and Wilson's score, and what goes with them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
CONFIDENCE = 0.95
RESAMPLES = 2000


class Estimate(NamedTuple):
    """A value with its confidence interval; the bounds are NaN where `n` is too small for one."""

    value: float
    low: float
    high: float
    n: int


class Paired(NamedTuple):
    """Mean difference of pairs with its interval and the two-sided p-value of "no difference"."""

    value: float
    low: float
    high: float
    n: int
    p: float


def finite(values: ArrayLike) -> Array:
    """The finite ones of `values`, flat."""
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]


def differences(first: ArrayLike, second: ArrayLike) -> Array:
    """`first − second` over pairs `(n,)`; a pair with a missing half is left out."""
    return finite(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64))


def mean_interval(values: ArrayLike) -> Estimate:
    """Mean of `(n,)` values (missing ones left out) with Student's t-interval.

    Equal values give an interval of width 0; a single value gives NaN bounds; none gives NaN.
    """
    paired = paired_difference(values, 0.0)
    return Estimate(paired.value, paired.low, paired.high, paired.n)


def paired_difference(first: ArrayLike, second: ArrayLike, *, confidence: float = CONFIDENCE) -> Paired:
    """Mean of `first − second` over pairs `(n,)` with the t-interval of the paired t-test.

    For values that are about symmetric, as logarithms of losses are. A pair with a missing half is left out. Where all
    differences are equal the interval has width 0 and p is 1 for no difference, 0 otherwise: there is no spread that
    could have produced it by chance.
    """
    from scipy import special

    difference = differences(first, second)
    n = len(difference)
    if n == 0:
        return Paired(math.nan, math.nan, math.nan, 0, math.nan)
    mean = float(difference.mean())
    if n == 1:
        return Paired(mean, math.nan, math.nan, 1, math.nan)
    error = float(difference.std(ddof=1)) / math.sqrt(n)
    if np.all(difference == difference[0]) or error == 0.0:  # rounding in the mean must not look like a spread
        value = float(difference[0])
        return Paired(value, value, value, n, 1.0 if value == 0 else 0.0)
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * error
    p = 2 * float(special.stdtr(n - 1, -abs(mean) / error))
    return Paired(mean, mean - half, mean + half, n, p)


def effect_size(first: ArrayLike, second: ArrayLike) -> float:
    """Mean paired difference in units of its own standard deviation, corrected for small n (Hedges 1981).

    Cohen's d_z times 1 − 3 / (4·(n − 1) − 1). NaN for fewer than 3 pairs, and where the differences do not vary.
    """
    difference = differences(first, second)
    n = len(difference)
    if n < 3 or np.all(difference == difference[0]):
        return math.nan
    return float(difference.mean() / difference.std(ddof=1)) * (1 - 3 / (4 * (n - 1) - 1))


def holm(p_values: ArrayLike) -> Array:
    """Holm's step-down adjustment (Holm 1979) of `(m,)` p-values; NaN (no test was possible) is not counted."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, math.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0) if len(order) else 0.0
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> Array:
    """Step-up adjustment of `(m,)` p-values (Benjamini & Hochberg 1995): of those below a level, at most that share is
    expected to be true null hypotheses. NaN (no test was possible) is not counted.

    Here because `scipy.stats`, which has it, takes half a second to import and nothing else of it is used.
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, math.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(-p[tested], kind="stable")]  # the largest first
    factors = len(order) / np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.minimum.accumulate(p[order] * factors), 1.0) if len(order) else 0.0
    return adjusted


def solve_rate(solved: int, n: int) -> Estimate:
    """Share of `n` runs that were solved, with Wilson's score interval (Wilson 1927)."""
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    from scipy import special

    share, z = solved / n, float(special.ndtri(0.5 + CONFIDENCE / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2) / (1 + z**2 / n)
    return Estimate(share, centre - half if solved else 0.0, centre + half if solved < n else 1.0, n)
