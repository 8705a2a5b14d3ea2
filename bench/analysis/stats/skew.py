"""Whether paired differences are skewed against the side that leads, and the t-test that takes it into account."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import CONFIDENCE, Array, Paired, finite

SKEWED = 1.645  # standard errors of the skewness, which one normal sample in twenty passes on a given side


def skewness(values: ArrayLike) -> tuple[float, float]:
    """Adjusted skewness G1 of `(n,)` values and its standard error under normality (Joanes & Gill 1998).

    NaN for fewer than 3 values, and where they do not vary.
    """
    x = finite(values)
    n = len(x)
    if n < 3 or np.all(x == x[0]):
        return math.nan, math.nan
    error = math.sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)))
    return _moment_skewness(x) * math.sqrt(n * (n - 1)) / (n - 2), error


def skewed_against(differences: ArrayLike) -> bool:
    """Whether `(n,)` differences have a long tail that reaches past 0 from their mean: usually better, rarely much
    worse. There a t-test on the mean is too willing; one normal sample in twenty looks so, where its mean is near 0.

    A tail that ends before 0 is no reason for doubt: every difference speaks for the same side.
    """
    values = finite(differences)
    found, error = skewness(values)
    return bool(abs(found) > SKEWED * error and found * values.mean() < 0 and np.any(values * values.mean() < 0))


def skew_adjusted(differences: ArrayLike, *, shrink: float = 1.0) -> Paired:
    """Mean of `(n,)` differences with the interval and two-sided p-value of the t statistic that Hall transforms.

    With S = mean / standard deviation (divided by n) and the skewness γ = m₃ / m₂^(3/2), the statistic is √n · (S +
    γS²/3 + γ²S³/27 + γ/(6n)), against Student's t with n − 1 degrees of freedom; the interval has the means that it
    does not refute. p is 1 where the transformation turns the sign. shrink: what correlation between the differences
    takes from S (`folds.shrinking`). All but n are NaN for fewer than 3 differences, and where they do not vary.

    Hall, P. (1992), On the removal of skewness by transformation, J. R. Stat. Soc. B 54:221-228.
    """
    from scipy import special

    x = finite(differences)
    n = len(x)
    if n < 3 or np.all(x == x[0]):
        return Paired(math.nan, math.nan, math.nan, n, math.nan)
    g, error = _moment_skewness(x), float(x.std()) / shrink
    s = float(x.mean()) / error
    t = math.sqrt(n) * (s + g * s**2 / 3 + g**2 * s**3 / 27 + g / (6 * n))
    p = 2 * float(special.stdtr(n - 1, -abs(t))) if t * s > 0 else 1.0
    most = float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2)) / math.sqrt(n)
    low, high = (float(x.mean()) - error * _untransformed(end, g, n) for end in (most, -most))
    return Paired(float(x.mean()), low, high, n, p)


def _untransformed(value: float, g: float, n: int) -> float:
    """S where S + γS²/3 + γ²S³/27 + γ/(6n) is a value: Hall's inverse."""
    value -= g / (6 * n)
    return 3 / g * float(np.cbrt(1 + g * value) - 1) if abs(g) > 1e-6 else value


def wider(one: Paired, other: Paired) -> Paired:
    """An estimate with the interval that holds those of both tests, so that it leaves out 0 only where both do."""
    return one._replace(low=min(one.low, other.low), high=max(one.high, other.high))


def _moment_skewness(x: Array) -> float:
    centred = x - x.mean()
    return float((centred**3).mean() / (centred**2).mean() ** 1.5)
