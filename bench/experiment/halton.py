"""The scrambled Halton sequence: points of which any beginning covers the unit cube evenly.

The points are those of `scipy.stats.qmc.Halton`, to the last bit (a test compares them). Importing `scipy.stats` takes
0.64 s of a core, and the first training of every search waits for these points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tasks.contract import Array

BITS = 54  # digits are drawn as far as float64 can tell


def halton(bases: Sequence[int], count: int, rng: np.random.Generator) -> Array:
    """The first `count` points, `(count, len(bases))` in 0 … 1, scrambled by permutations that `rng` draws.

    bases: prime numbers, one a dimension. In base b, the k-th point is the sum of π_j(d_j) b^(−j−1) over the digits d_j
    of k, with a random permutation π_j of each place's digits (Owen 2017, arXiv:1706.02808, algorithm 1).
    """
    (child,) = rng.spawn(1)  # as SciPy does
    return np.array([_scrambled(base, count, child) for base in bases]).T


def _scrambled(base: int, count: int, rng: np.random.Generator) -> list[float]:
    permutations = np.tile(np.arange(base), (math.ceil(BITS / math.log2(base)) - 1, 1))
    for permutation in permutations:
        rng.shuffle(permutation)
    places, points = permutations.tolist(), []
    for number in range(count):
        point, rest, unit = 0.0, number, 1.0 / base
        for permutation in places:
            rest, digit = divmod(rest, base)
            point += permutation[digit] * unit
            unit /= base
        points.append(point)
    return points
