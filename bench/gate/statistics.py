"""The gate's two tests on arrays: one-sided, with a margin and a lower bound on the standard deviation."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.gate.rule import GO_ON, SD_FLOOR


class Shift(NamedTuple):
    """A mean difference, new minus baseline, with its two-sided 95 % interval.

    p_worse: p-value of the hypothesis "the mean is at most `margin`"; p_better: of "the mean is at least −`margin`".
    error: the standard error; freedom: degrees of freedom of its t distribution. NaN for fewer than 2 values.
    """

    value: float
    low: float
    high: float
    n: int
    p_worse: float
    p_better: float
    error: float
    freedom: float


NO_SHIFT = Shift(math.nan, math.nan, math.nan, 0, *[math.nan] * 4)


def paired_shift(differences: ArrayLike, margin: float) -> Shift:
    """Student's t-test of paired differences `(n,)`; the standard deviation counts as at least `SD_FLOOR`."""
    values = np.asarray(differences, dtype=np.float64)
    n = len(values)
    if n < 2:
        return NO_SHIFT
    error = max(float(values.std(ddof=1)), SD_FLOOR) / math.sqrt(n)
    return _shift(float(values.mean()), error, n - 1, n, margin)


def unpaired_shift(new: ArrayLike, baseline: ArrayLike, margin: float) -> Shift:
    """Welch's t-test (Welch 1947) of two samples; n is the size of the smaller one."""
    samples = [np.asarray(sample, dtype=np.float64) for sample in (new, baseline)]
    n = min(map(len, samples))
    if n < 2:
        return NO_SHIFT
    variances = [max(float(sample.var(ddof=1)), SD_FLOOR**2) / len(sample) for sample in samples]
    error = math.sqrt(sum(variances))
    parts = (variance**2 / (len(sample) - 1) for variance, sample in zip(variances, samples, strict=True))
    freedom = sum(variances) ** 2 / sum(parts)
    return _shift(float(samples[0].mean() - samples[1].mean()), error, freedom, n, margin)


def _shift(mean: float, error: float, freedom: float, n: int, margin: float) -> Shift:
    from scipy import special

    half = float(special.stdtrit(freedom, 0.975)) * error
    worse = float(special.stdtr(freedom, (margin - mean) / error))
    better = float(special.stdtr(freedom, (mean + margin) / error))
    return Shift(mean, mean - half, mean + half, n, worse, better, error, freedom)


def pooled_p(first: ArrayLike, together: ArrayLike) -> NDArray[np.float64]:
    """p-values of tests on both halves, of which the second is looked at only if the first leaves the matter open.

    first, together: p-values, of any one shape, of the first half and of both together. Where the first half gives
    `GO_ON` or more, `together` is not used and counts as 1. That makes a p-value larger, never smaller, so the test
    keeps its level: each cell has one chance to fail.
    """
    alone = np.asarray(first, dtype=np.float64)
    return np.where(np.isnan(alone), np.nan, np.where(alone < GO_ON, together, 1.0))


def detectable_shift(spread: float, n: int, margin: float, alpha: float, power: float) -> float:
    """The smallest mean of n paired differences that the test finds above the margin with this probability.

    spread: standard deviation of a difference. margin + (t(1 − α) + t(power)) · spread / √n, with n − 1 degrees of
    freedom (Bloom 1995, "Minimum detectable effects", Evaluation Review 19(5)).
    """
    return margin + _quantiles(n - 1, alpha, power) * spread / math.sqrt(n)


def detectable_unpaired(shift: Shift, margin: float, alpha: float, power: float) -> float:
    """As `detectable_shift`, for two samples whose mean difference has this standard error."""
    return margin + _quantiles(shift.freedom, alpha, power) * shift.error


def _quantiles(freedom: float, alpha: float, power: float) -> float:
    from scipy import special

    return float(special.stdtrit(freedom, 1 - alpha) + special.stdtrit(freedom, power))
