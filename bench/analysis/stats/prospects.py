"""What an experiment could have found, and what more replicates may find."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import Array, finite
from bench.analysis.stats.folds import shrinking
from bench.analysis.stats.sequential import FIRST_LOOK, sequential_p

FUTURES = 400


def settle_chance(
    differences: ArrayLike,
    cap: int,
    *,
    rng: np.random.Generator,
    level: float = 0.05,
    below: int = 1,
    first_look: int = FIRST_LOOK,
    overlap: float = 0.0,
    futures: int = FUTURES,
) -> float:
    """The predictive chance that `(n,)` paired differences are settled when there are `cap` of them.

    The share of simulated futures in which `sequential_p` falls below `level` by then. Futures are drawn from the
    posterior of difference and spread. Prior: half no difference, half N(0, 1) in units of the standard deviation,
    which has the scale-free prior 1/σ. A plug-in sample size, which takes the estimate for the truth, promised 80 %
    where 29 to 71 % came true. below: a mean below 0 is the lowest of so many that were tested (Bonferroni), one above
    0 is not. overlap: the ratio of test to training rows where replicates share data. NaN for fewer than 2 differences
    or ones that do not vary.
    """
    seen = finite(differences)
    n = len(seen)
    if n < 2 or np.all(seen == seen[0]):
        return math.nan
    shrink = shrinking(np.full(max(cap, n), overlap))

    def settled(d: Array) -> Array:
        """Whether differences `(…, n)` are settled after each of them."""
        corrected = np.where(np.cumsum(d, axis=-1) < 0, level / below, level)
        return np.asarray(sequential_p(d, first_look=first_look, shrink=shrink[: d.shape[-1]]) < corrected)

    now = settled(seen)[-1]
    if cap <= n or now:
        return float(now)
    effect, spread = _posterior(seen, futures, rng)
    new = rng.normal(effect * spread, spread, size=(cap - n, futures)).T
    whole = np.concatenate([np.broadcast_to(seen, (futures, n)), new], axis=1)
    return float(settled(whole)[:, n:].any(axis=1).mean())


def _posterior(seen: Array, draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draws of (difference in standard deviations, standard deviation) on a grid: two arrays `(draws,)`."""
    n, mean, sd = len(seen), float(seen.mean()), float(seen.std(ddof=1))
    squares = float(((seen - mean) ** 2).sum())
    effects = np.linspace(-5, 5, 201)
    spreads = sd * np.exp(np.linspace(-1.8, 2.5, 87))
    normal = np.exp(-(effects**2) / 2)
    prior = 0.5 * normal / normal.sum() + 0.5 * (effects == 0)
    fit = -n * np.log(spreads) - (squares + n * (mean - effects[:, None] * spreads) ** 2) / (2 * spreads**2)
    weights = prior[:, None] * np.exp(fit - fit.max())
    places = rng.choice(weights.size, size=draws, p=(weights / weights.sum()).ravel())
    row, column = np.divmod(places, len(spreads))
    return effects[row], spreads[column]


def detectable_difference(spread: float, n: int, *, level: float = 0.05, power: float = 0.8) -> float:
    """The mean difference that a two-sided paired t-test of n pairs finds with this power, for a standard deviation.

    In the units of `spread`. NaN for fewer than 2 pairs or a spread that is not above 0.
    """
    from scipy import special

    if n < 2 or not spread > 0:
        return math.nan
    critical = float(special.stdtrit(n - 1, 1 - level / 2))

    def finds(effect: float) -> bool:  # and every larger one
        below = special.nctdtr(n - 1, effect * math.sqrt(n), [critical, -critical])
        below = np.nan_to_num(below)  # NaN far out, where it is 0
        return bool(1 - below[0] + below[1] >= power)

    low, high = 0.0, 1.0
    while not finds(high):
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    return spread * high
