"""How much a search would have found with fewer trials."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import Array


def expected_best(losses: ArrayLike) -> Array:
    """Expected lowest validation loss after k = 1 … n trials, `(n,)`, for the `(n,)` losses of a search's trials.

    A trial that failed is NaN and counts as one that found nothing; an entry is NaN where all k may have failed.
    The expectation is over which k of the n trials come first, each set equally likely: the minimum is the i-th
    smallest with probability C(n − i, k − 1) / C(n, k). Without replacement, unlike the plug-in form of Dodge et al.
    2019 (equation 5), whose bias towards optimism Tang et al. 2020 describe. Trials of a sampler that learns are not
    exchangeable, so its curve understates what the later trials found.
    """
    values = np.sort(np.asarray(losses, dtype=np.float64).ravel())  # NaN last
    n, found = len(values), int(np.isfinite(values).sum())
    expected = np.full(n, np.nan)
    for k in range(1, n + 1):
        if n - found >= k:
            continue
        # the chance that the i-th smallest (from 0) is the minimum of k, by the ratio of neighbouring terms
        weights = np.zeros(n)
        weights[0] = k / n
        for i in range(1, n - k + 1):
            weights[i] = weights[i - 1] * (n - i - k + 1) / (n - i)
        expected[k - 1] = float(weights[:found] @ values[:found])
    return expected
