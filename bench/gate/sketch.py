"""Sketches of arrays: a few numbers by which initial weights and data are compared by value, not by hash.

A hash tells that two arrays differ, but not by how much: weights that torch draws on another processor differ by 1.5e-8
relative to each other, which pairing does not mind. A sketch is the Euclidean norm and `PROJECTIONS` sums of all values
with random signs, the same signs everywhere. For a difference d of two arrays the square of such a sum has the mean
‖d‖² (the second frequency moment of Alon, Matias & Szegedy 1996, Theorem 2.2), so their mean square estimates how far
two arrays are apart. Two initialisations that are drawn independently have sums that agree within a relative 1e-6 with
a probability of about 1e-24.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PROJECTIONS = 4
SEED = 20  # of the signs; another one makes all sketches that are stored useless
ALIKE = 1e-6  # relative distance up to which two arrays count as the same values
DIGITS = 9  # significant digits of a sketch that a baseline keeps
SAME = 1e-12  # relative distance that the order of a sum in float64 explains


class Sketch(NamedTuple):
    """size: number of values. norm: Euclidean. projections: `PROJECTIONS` sums of the values with random signs."""

    size: int
    norm: float
    projections: tuple[float, ...]

    def distance(self, other: Sketch) -> float:
        """Estimate the Euclidean distance of two arrays relative to this one's norm; infinite for other sizes."""
        if self.size != other.size:
            return math.inf
        pairs = zip((self.norm, *self.projections), (other.norm, *other.projections), strict=True)
        norm, *sums = [a - b for a, b in pairs]
        apart = max(abs(norm), math.sqrt(math.fsum(d * d for d in sums) / PROJECTIONS))
        return apart / self.norm if self.norm else (0.0 if apart == 0 else math.inf)

    def rounded(self) -> Sketch:
        """As a baseline keeps it."""
        norm, *projections = (float(f"{value:.{DIGITS}g}") for value in (self.norm, *self.projections))
        return Sketch(self.size, norm, tuple(projections))


def sketch_of(arrays: Sequence[NDArray[Any]]) -> Sketch:
    """Sketch arrays of any shapes and numeric types as one vector in float64; values that are not finite count as 0."""
    parts = [np.nan_to_num(np.asarray(array, dtype=np.float64).ravel(), posinf=0.0, neginf=0.0) for array in arrays]
    values = np.concatenate([*parts, np.empty(0)])
    # raw bits: NumPy promises the stream of a bit generator, and not that of what is drawn from it
    bits = np.random.PCG64(SEED).random_raw(len(values)) if len(values) else np.empty(0, dtype=np.uint64)
    sums = []
    for place in range(PROJECTIONS):
        negative = (bits >> np.uint64(place)) & np.uint64(1)
        sums.append(float(np.sum(np.where(negative, -values, values))))
    return Sketch(len(values), float(np.sqrt(np.sum(values * values))), tuple(sums))
