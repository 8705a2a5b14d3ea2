"""Tests against a bound: that two models differ by less than a margin, and that a loss is below what is possible."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.levels import SMALLEST_LOSS
from bench.analysis.stats.estimates import differences


class Equivalence(NamedTuple):
    """Mean paired difference with its 1 − 2α interval, and p of "they differ by the margin or more"."""

    value: float
    low: float
    high: float
    n: int
    p: float


def equivalence(first: ArrayLike, second: ArrayLike, margin: float, *, level: float = 0.05) -> Equivalence:
    """Two one-sided paired t-tests (Schuirmann 1987): is |mean of `first − second`| below `margin`?

    p is the larger of the two tests'; p < `level` exactly where the 1 − 2·`level` interval lies within ±`margin`.
    NaN for fewer than 2 pairs. ValueError for a margin that is not above 0.
    """
    from scipy import special

    if not margin > 0:
        raise ValueError(f"the margin must be above 0, not {margin}")
    difference = differences(first, second)
    n = len(difference)
    if n < 2:
        return Equivalence(float(difference.mean()) if n else math.nan, math.nan, math.nan, n, math.nan)
    mean, error = float(difference.mean()), float(difference.std(ddof=1)) / math.sqrt(n)
    if np.all(difference == difference[0]):
        return Equivalence(mean, mean, mean, n, 0.0 if abs(mean) < margin else 1.0)
    half = float(special.stdtrit(n - 1, 1 - level)) * error
    nearest = (margin - abs(mean)) / error  # to the nearer bound, whose test has the larger p
    return Equivalence(mean, mean - half, mean + half, n, float(special.stdtr(n - 1, -nearest)))


def below_limit(losses: ArrayLike, limits: ArrayLike) -> float:
    """One-sided p-value of "no better than the limit" for pairs `(n,)` of a model's loss and the limit's.

    A limit is an expected loss: on one test set a lucky model, or any model on lucky data, is below it. The test is
    Student's on log(loss / limit). NaN for fewer than 3 pairs.
    """
    from scipy import special

    ratio = differences(*(np.log(np.maximum(np.asarray(v, dtype=np.float64), SMALLEST_LOSS)) for v in (losses, limits)))
    n = len(ratio)
    if n < 3:
        return math.nan
    mean, spread = float(ratio.mean()), float(ratio.std(ddof=1))
    if np.all(ratio == ratio[0]) or spread == 0:
        return 0.0 if mean < 0 else 1.0
    return float(special.stdtr(n - 1, mean * math.sqrt(n) / spread))
