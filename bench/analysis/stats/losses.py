"""Two models' losses on the same replicates: one comparison for every place that compares losses."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import Array, Paired, paired_difference
from bench.analysis.stats.exact import signed_ranks
from bench.analysis.stats.folds import corrected_paired, shrinking
from bench.analysis.stats.sequential import sequential_interval, sequential_p, sign_e_values
from bench.analysis.stats.skew import skew_adjusted, skewed_against, wider


class LossComparison(NamedTuple):
    """`first − second` of log10 losses: the mean over pairs that both finished, with its 95 % interval.

    n: pairs of which at least one finished (of a series: blocks). failed: pairs on which only the first, and only the
    second failed. p: two-sided, failures counted as the worst result. direction: −1 where p speaks for the first
    (lower), 1 for the second. skewed: they are so against the side that leads. within: p of "they differ by the margin
    or more". overlap: the mean ratio of test to training rows of folds that share data, 0 without folds.
    """

    value: float
    low: float
    high: float
    n: int
    failed: tuple[int, int]
    p: float
    direction: int
    skewed: bool
    within: float
    differences: Array
    overlap: float = 0.0


class Folds(NamedTuple):
    """Of each pair the data that it shares with others: its test block and the rows on both sides, arrays `(n,)`."""

    blocks: ArrayLike
    train_rows: ArrayLike
    test_rows: ArrayLike


def compare_losses(
    first: ArrayLike, second: ArrayLike, margin: float, *, folds: Folds | None = None, first_look: int | None = None
) -> LossComparison:
    """Compare log10 losses `(n,)` by pairs; NaN is a training that failed, and worse than every loss.

    Where all pairs finished: the paired t-test on the log losses, and where they are skewed against the side that leads
    (`skewed_against`) the larger p and the wider interval of that and the t-test adjusted for skewness. With failures:
    the exact signed-rank test with a failure as an infinite difference; pairs on which both failed say nothing. folds:
    pairs that share a block are averaged first, and the variance is corrected for shared training data. first_look:
    pairs at the first of repeated looks, in the order of the pairs; then p and interval are those of
    `stats.sequential`, failures are tested by signs alone, and of pairs that share a block the first one counts, so
    that no later pair changes an earlier one.
    margin: of "practically equal", in the unit of the losses.
    """
    difference = _with_failures(*(np.asarray(side, dtype=np.float64).ravel() for side in (first, second)))
    rows: tuple[Array, Array] | None = None
    if folds is not None:
        difference, rows = _by_block(difference, folds, first_alone=first_look is not None)
    known = ~np.isnan(difference)
    difference, rows = difference[known], rows and (rows[0][known], rows[1][known])
    finite = difference[np.isfinite(difference)]
    failed = int((difference == np.inf).sum()), int((difference == -np.inf).sum())
    estimate = corrected_paired(finite, *rows) if rows and not any(failed) else paired_difference(finite, 0.0)
    ratios = rows[1] / rows[0] if rows and not any(failed) else np.zeros(len(finite))
    shrink = shrinking(ratios)
    skewed = not any(failed) and skewed_against(finite)
    within = _within(estimate, margin)
    if first_look is not None:
        bounds = sequential_interval(finite, first_look=first_look, shrink=shrink)
        estimate = Paired(estimate.value, bounds.low, bounds.high, estimate.n, estimate.p)
        within = 0.0 if -margin < bounds.low <= bounds.high < margin else 1.0
    if any(failed):
        within = math.nan
        p, direction = signed_ranks(difference)
        if first_look is not None:
            direction = int(np.sign(np.sign(difference).sum()))
            p = min(1.0, 1 / float(np.max(sign_e_values(difference))))
    else:
        direction = 0 if math.isnan(estimate.value) else int(np.sign(estimate.value))
        p = estimate.p
        if first_look is not None and len(finite):
            p = float(sequential_p(finite, first_look=first_look, shrink=shrink)[-1])
        if skewed:
            adjusted = skew_adjusted(finite, shrink=float(shrink[-1]))
            estimate, p = wider(estimate, adjusted), max(p, adjusted.p)
    bounds_ = (estimate.value, estimate.low, estimate.high)
    overlap = float(ratios.mean()) if len(ratios) else 0.0
    return LossComparison(*bounds_, len(difference), failed, p, direction, skewed, within, finite, overlap)


def _with_failures(first: Array, second: Array) -> Array:
    """Differences where a failure is infinitely worse; NaN where both failed."""
    difference = first - second
    difference = np.where(np.isnan(first) & ~np.isnan(second), np.inf, difference)
    return np.where(~np.isnan(first) & np.isnan(second), -np.inf, difference)


def _by_block(difference: Array, folds: Folds, first_alone: bool) -> tuple[Array, tuple[Array, Array]]:
    """The mean difference of each block, or the difference of its first pair alone, with the block's rows.

    Blocks are in the order of their first pairs. One failure makes its block one; contrary ones cancel.
    """
    blocks = np.asarray(folds.blocks)
    means, train_rows, test_rows = [], [], []
    for block in dict.fromkeys(blocks.tolist()):
        own = np.flatnonzero(blocks == block)[: 1 if first_alone else None]
        values = difference[own]
        values = values[~np.isnan(values)]
        if not len(values):
            continue
        endless = values[np.isinf(values)]
        mean = values.mean() if not len(endless) else endless[0] if np.all(endless == endless[0]) else math.nan
        means.append(float(mean))
        train_rows.append(float(np.asarray(folds.train_rows)[own].mean()))
        test_rows.append(float(np.asarray(folds.test_rows)[own].mean()))
    return np.array(means), (np.array(train_rows), np.array(test_rows))


def _error(estimate: Paired) -> float:
    """The standard error behind a 95 % t interval."""
    from scipy import special

    if estimate.n < 2:
        return math.nan
    return (estimate.high - estimate.value) / float(special.stdtrit(estimate.n - 1, 0.975))


def _within(estimate: Paired, margin: float) -> float:
    """The larger p of two one-sided tests (Schuirmann 1987) that the mean lies within ± margin."""
    from scipy import special

    error = _error(estimate)
    if math.isnan(error):
        return math.nan
    if error == 0:
        return 0.0 if abs(estimate.value) < margin else 1.0
    return float(special.stdtr(estimate.n - 1, -(margin - abs(estimate.value)) / error))
