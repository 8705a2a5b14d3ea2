"""The gate's two tests on arrays: one-sided, with a margin and a lower bound on the standard deviation."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bench.gate.rule import SD_FLOOR


class Shift(NamedTuple):
    """A mean difference, new minus baseline, with its two-sided 95 % interval.

    p_worse: p-value of the hypothesis "the mean is at most `margin`"; p_better: of "the mean is at least −`margin`".
    NaN for fewer than 2 values.
    """

    value: float
    low: float
    high: float
    n: int
    p_worse: float
    p_better: float


NO_SHIFT = Shift(math.nan, math.nan, math.nan, 0, math.nan, math.nan)


def paired_shift(differences: ArrayLike, margin: float, *, sd_floor: float = SD_FLOOR) -> Shift:
    """Student's t-test of paired differences `(n,)`; the standard deviation counts as at least `sd_floor`."""
    values = np.asarray(differences, dtype=np.float64)
    n = len(values)
    if n < 2:
        return NO_SHIFT
    error = max(float(values.std(ddof=1)), sd_floor) / math.sqrt(n)
    return _shift(float(values.mean()), error, n - 1, n, margin)


def unpaired_shift(new: ArrayLike, baseline: ArrayLike, margin: float, *, sd_floor: float = SD_FLOOR) -> Shift:
    """Welch's t-test (Welch 1947) of two samples; n is the size of the smaller one."""
    samples = [np.asarray(sample, dtype=np.float64) for sample in (new, baseline)]
    n = min(map(len, samples))
    if n < 2:
        return NO_SHIFT
    variances = [max(float(sample.var(ddof=1)), sd_floor**2) / len(sample) for sample in samples]
    error = math.sqrt(sum(variances))
    parts = (variance**2 / (len(sample) - 1) for variance, sample in zip(variances, samples, strict=True))
    freedom = sum(variances) ** 2 / sum(parts)
    return _shift(float(samples[0].mean() - samples[1].mean()), error, freedom, n, margin)


def _shift(mean: float, error: float, freedom: float, n: int, margin: float) -> Shift:
    from scipy import special

    half = float(special.stdtrit(freedom, 0.975)) * error
    worse = float(special.stdtr(freedom, (margin - mean) / error))
    better = float(special.stdtr(freedom, (mean + margin) / error))
    return Shift(mean, mean - half, mean + half, n, worse, better)
