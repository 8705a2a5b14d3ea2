"""Paired differences over forecast origins, whose training data overlap."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import CONFIDENCE, Paired, finite


def corrected_paired(
    differences: ArrayLike, train_rows: ArrayLike, test_rows: ArrayLike, *, confidence: float = CONFIDENCE
) -> Paired:
    """Mean of `(n,)` differences, one a fold, with the corrected resampled t-test (Nadeau & Bengio 2003).

    The variance of the mean is s²·(1/n + test rows / training rows), as folds share training data; rows are those of
    each fold, of which the mean ratio counts. NaN bounds and p for fewer than 2 folds.
    """
    from scipy import special

    values = finite(differences)
    n = len(values)
    if n < 2:
        return Paired(float(values.mean()) if n else math.nan, math.nan, math.nan, n, math.nan)
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if np.all(values == values[0]):
        return Paired(mean, mean, mean, n, 1.0 if mean == 0 else 0.0)
    overlap = float(np.mean(np.asarray(test_rows, dtype=np.float64) / np.asarray(train_rows, dtype=np.float64)))
    error = spread * math.sqrt(1 / n + overlap)
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * error
    return Paired(mean, mean - half, mean + half, n, 2 * float(special.stdtr(n - 1, -abs(mean) / error)))
