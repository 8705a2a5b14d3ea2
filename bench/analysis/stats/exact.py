"""Exact tests for few pairs: sign flips, signed ranks, solve rates."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import Array, finite

MOST_EXACT = 32  # differences: half of them have 65,536 sums of signs; of more the normal approximation is as good


def sign_flip(differences: ArrayLike) -> float:
    """Two-sided p-value of the sign-flip test that `(n,)` differences are symmetric about 0 (Fisher 1935).

    The share of all 2ⁿ ways to choose signs whose sum is at least as far from 0. Exact up to `MOST_EXACT` differences
    (by adding up two halves), beyond by the normal approximation. 1 where all are 0; NaN for none.
    """
    values = finite(differences)
    if not len(values):
        return math.nan
    sizes, observed = np.abs(values[values != 0]), abs(float(values.sum()))
    if not len(sizes):
        return 1.0
    if len(sizes) > MOST_EXACT:
        return math.erfc(observed / math.sqrt(2 * float((sizes**2).sum())))
    slack = 1e-9 * float(sizes.sum())  # sums of the same numbers in another order differ by rounding
    first, second = _sums(sizes[: len(sizes) // 2]), np.sort(_sums(sizes[len(sizes) // 2 :]))
    above = len(second) - np.searchsorted(second, observed - slack - first, side="left")
    below = np.searchsorted(second, -observed + slack - first, side="right")
    return min(1.0, float((above + below).sum()) / 2.0 ** len(sizes))


def _sums(sizes: Array) -> Array:
    """The sums of `(n,)` numbers under every choice of signs: `(2ⁿ,)`."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums


def signed_ranks(differences: ArrayLike) -> tuple[float, int]:
    """Wilcoxon's signed-rank test (1945) of `(n,)` differences, infinite ones allowed: exact p-value and direction.

    An infinite difference is larger than every other, so that a failure counts as the worst result whatever the scale.
    Equal sizes share their mean rank and zeros say nothing, so that with ties the test is still exact: it is the
    sign-flip test of the signed ranks. Direction: -1, 0 or 1, the sign of the sum of signed ranks.
    """
    values = np.asarray(differences, dtype=np.float64).ravel()
    values = values[~np.isnan(values)]
    if not len(values):
        return math.nan, 0
    told = values[values != 0]
    ranks = np.sign(told) * _mean_ranks(np.abs(told)) if len(told) else np.zeros(1)
    return sign_flip(ranks), int(np.sign(ranks.sum()))


def _mean_ranks(values: Array) -> Array:
    """Ranks from 1 on of `(n,)` values; equal ones share the mean of theirs."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = np.cumsum(times) - (times - 1) / 2
    return ranks[place]


def paired_rates(first: ArrayLike, second: ArrayLike) -> float:
    """Exact two-sided p-value that two solve rates are equal, from `(n,)` pairs of solved or not (McNemar 1947).

    Only pairs that one of the two solved count; given their number, each is a toss of a coin. 1 where there is none.
    """
    from scipy import special

    one, other = (np.asarray(side, dtype=bool).ravel() for side in (first, second))
    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    if only_first + only_second == 0:
        return 1.0
    return min(1.0, 2 * float(special.bdtr(min(only_first, only_second), only_first + only_second, 0.5)))
