"""The points of a search's start are those of SciPy's scrambled Halton sequence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import qmc

from bench.experiment.halton import halton


@pytest.mark.parametrize("seed", range(20))
def test_it_is_scipys_sequence_to_the_last_bit(seed: int) -> None:
    expected = qmc.Halton(4, scramble=True, rng=np.random.default_rng(seed)).random(40)
    np.testing.assert_array_equal(halton((2, 3, 5, 7), 40, np.random.default_rng(seed)), expected)


@pytest.mark.parametrize("base", [2, 3, 5])
def test_each_beginning_of_a_power_of_the_base_has_one_point_in_each_part(base: int) -> None:
    points = halton((base,), base**3, np.random.default_rng(0))[:, 0]
    for power in (1, 2, 3):
        parts = np.floor(points[: base**power] * base**power)
        assert sorted(parts) == list(range(base**power))
