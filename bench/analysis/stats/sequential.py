"""A paired test that may be looked at after every replicate, and the interval that goes with it.

Looking again and again at a fixed test settles something false far more often than it says. Here the evidence is an
e-process, the right-Haar Bayes factor of the t statistic: under no difference it exceeds 1/α at any time with
probability at most α (Ville 1939; Pérez-Ortiz et al. 2024; Wang & Ramdas 2025), whatever the spread of the differences.
A fixed look at the first `first_look` pairs shares the error with it, so that a large difference is found early.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import Array, Estimate, finite

FIRST_LOOK = 7  # pairs
EARLIEST = 5  # pairs: before, the e-process is not looked at
SPREAD = 1.0  # g: the prior variance of the difference in units of its own variance


def e_values(differences: ArrayLike, *, shrink: ArrayLike = 1.0) -> Array:
    """The Bayes factor against "no difference" after 1, 2, … pairs: `(…, n)` for differences `(…, n)`.

    (1 + kg)^(−1/2) · [(1 + t²/(k−1)) / (1 + t²/((k−1)(1+kg)))]^(k/2) with g = `SPREAD`, t the paired statistic of the
    first k; in sums of squares, so that equal differences need no case of their own. shrink: factors of t after each
    pair, `(n,)` or one for all, below 1 where pairs are correlated (`folds.shrinking`).
    """
    d = np.asarray(differences, dtype=np.float64)
    k = np.arange(1, d.shape[-1] + 1, dtype=np.float64)
    total = np.cumsum(d, axis=-1)
    explained = total**2 / k
    rest = np.maximum(np.cumsum(d**2, axis=-1) - explained, 0.0)
    rest = np.where(rest < 1e-12 * explained, 0.0, rest)  # rounding must not look like a spread
    explained = explained * np.square(np.asarray(shrink, dtype=np.float64))
    prior = 1 + k * SPREAD
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(explained > 0, (rest + explained) / (rest + explained / prior), 1.0)
    return np.asarray(ratio ** (k / 2) / np.sqrt(prior))


def sign_e_values(signs: ArrayLike) -> Array:
    """The same for signs alone, `(n,)` of −1, 0 and 1: the Bayes factor of a uniform prior on the share of +1.

    For differences without a scale, as between a failure and a loss. 2^k · B(w + 1, l + 1) for w wins and l losses.
    """
    from scipy import special

    s = np.sign(np.asarray(signs, dtype=np.float64))
    won, lost = np.cumsum(s > 0), np.cumsum(s < 0)
    return np.asarray(np.exp((won + lost) * math.log(2) + special.betaln(won + 1, lost + 1)))


def sequential_p(differences: ArrayLike, *, first_look: int = FIRST_LOOK, shrink: ArrayLike = 1.0) -> Array:
    """Two-sided p-values that hold whenever one stops: `(…, n)`, one after each pair.

    min{1, 2·p_t(n₀), 2 / max E_k over 5 ≤ k ≤ n}, of the looks that favour the side that leads at n. For one side it
    never rises, so a correction for many tests holds at any stopping time. 1 where nothing could be looked at yet.
    """
    from scipy import special

    d = np.asarray(differences, dtype=np.float64)
    n = d.shape[-1]
    factors = np.broadcast_to(np.asarray(shrink, dtype=np.float64), (n,))
    k = np.arange(1, n + 1)
    mean = np.cumsum(d, axis=-1) / k
    evidence = np.where(k >= EARLIEST, e_values(d, shrink=factors), 0.0)
    at_first = np.ones(d.shape[:-1])
    if n >= first_look > 1:
        early = d[..., :first_look]
        spread = early.std(axis=-1, ddof=1)
        centre = early.mean(axis=-1)
        constant = np.ptp(early, axis=-1) == 0
        with np.errstate(invalid="ignore", divide="ignore"):
            t = factors[first_look - 1] * np.abs(centre) / (spread / math.sqrt(first_look))
        t = np.where(constant | (spread == 0), np.where(centre == 0, 0.0, np.inf), t)
        at_first = 2 * special.stdtr(first_look - 1, -t)
    p = np.ones(d.shape)
    for side in (-1.0, 1.0):
        best = np.maximum.accumulate(np.where(np.sign(mean) == side, evidence, 0.0), axis=-1)
        with np.errstate(divide="ignore"):
            own = np.minimum(1.0, 2 / best)
        if n >= first_look > 1:
            favoured = np.sign(mean[..., first_look - 1]) == side
            fixed = np.where(favoured, np.minimum(1.0, 2 * at_first), 1.0)[..., None]
            own = np.where(k >= first_look, np.minimum(own, fixed), own)
        p = np.where(np.sign(mean) == side, own, p)
    return p


def sequential_interval(
    differences: ArrayLike, *, first_look: int = FIRST_LOOK, level: float = 0.05, shrink: ArrayLike = 1.0
) -> Estimate:
    """The mean of `(n,)` differences with an interval that covers the truth whenever one stops, at 1 − `level`.

    The t interval at the first look at 1 − `level`/2, and from 5 pairs on
    mean ± s/√k · √[(k−1)(c−1)(1+kg) / ((1+kg)−c)] with c = (4(1+kg)/level²)^(1/k), infinite while c ≥ 1 + kg; all of
    them intersected.
    """
    from scipy import special

    d = finite(differences)
    n = len(d)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    factors = np.broadcast_to(np.asarray(shrink, dtype=np.float64), (n,))
    low, high = -math.inf, math.inf
    for k in range(2, n + 1):
        mean, error = float(d[:k].mean()), float(d[:k].std(ddof=1)) / math.sqrt(k) / float(factors[k - 1])
        error = 0.0 if np.all(d[:k] == d[0]) else error
        halves = []
        if k == first_look:
            halves.append(float(special.stdtrit(k - 1, 1 - level / 4)) * error)
        prior = 1 + k * SPREAD
        c = (4 * prior / level**2) ** (1 / k)
        if k >= EARLIEST and c < prior:
            halves.append(error * math.sqrt((k - 1) * (c - 1) * prior / (prior - c)))
        for half in halves:
            low, high = max(low, mean - half), min(high, mean + half)
    if low > high:  # once in hundreds of experiments: looks that contradict each other leave a point
        low = high = (low + high) / 2
    return Estimate(float(d.mean()), low, high, n)
