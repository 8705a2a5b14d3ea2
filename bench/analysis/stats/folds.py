"""Paired differences over folds that share data: forecast origins of a series, or one set of data dealt anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bench.analysis.stats.estimates import CONFIDENCE, Array, Paired, paired_difference


def corrected_paired(
    differences: ArrayLike, train_rows: ArrayLike, test_rows: ArrayLike, *, confidence: float = CONFIDENCE
) -> Paired:
    """Mean of `(n,)` differences, one for each fold, with the corrected resampled t-interval and p-value.

    train_rows, test_rows: rows of each origin's training part and test block, `(n,)` or one number for all. An origin
    whose difference is missing is left out.

    Two origins share most of their training rows, so their differences are correlated and the variance of the mean is
    larger than s²/n. It is estimated as s²·(1/n + test/train), with the mean ratio of test to training rows, and n − 1
    degrees of freedom: the corrected resampled t-test of Nadeau & Bengio 2003 (Inference for the generalization error,
    Machine Learning 52:239-281), which takes test / (train + test) for the correlation of two folds. Simulated without
    a difference (`tests/calibration/folds.py`: AR(1), AR(2) and seasonal series, 100 to 600 rows, 5 or 10 origins) it
    finds one in 1.0 to 3.9 %, the plain t-test in 3.6 to 7.3 %. Neither covers what all origins share, such as the
    configuration that one search chose for all.

    Where all differences are equal the interval has width 0 and p is 1 for no difference, 0 otherwise, as in
    `paired_difference`. ValueError for rows that are not above 0.
    """
    values = np.asarray(differences, dtype=np.float64).ravel()
    train, test = (
        np.broadcast_to(np.asarray(rows, dtype=np.float64), values.shape) for rows in (train_rows, test_rows)
    )
    if not ((train > 0).all() and (test > 0).all()):
        raise ValueError("training and test rows must be above 0")
    plain = paired_difference(values, 0.0, confidence=confidence)
    if plain.n < 2 or plain.low == plain.high:
        return plain
    from scipy import special

    kept = np.isfinite(values)
    half = (plain.high - plain.value) / float(shrinking(test[kept] / train[kept])[-1])
    error = half / float(special.stdtrit(plain.n - 1, 0.5 + confidence / 2))
    p = 2 * float(special.stdtr(plain.n - 1, -abs(plain.value) / error))
    return Paired(plain.value, plain.value - half, plain.value + half, plain.n, p)


def shrinking(ratios: ArrayLike) -> Array:
    """What correlation between folds takes from the t statistic of the first 1, 2, …, n of them: factors `(n,)`.

    ratios: of each fold's test rows to its training rows, `(n,)`. 1 / √(1 + k · their mean) after k folds.
    """
    return np.asarray(1 / np.sqrt(1 + np.cumsum(np.asarray(ratios, dtype=np.float64))))
