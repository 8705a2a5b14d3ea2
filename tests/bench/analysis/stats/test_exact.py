"""Exact tests against SciPy, and against every division counted by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.analysis import stats


def every_sign(values: np.ndarray) -> float:
    """The share of sign choices at least as far from 0, one by one."""
    sums = [
        abs(sum(s * abs(v) for s, v in zip(signs, values, strict=True)))
        for signs in product((-1, 1), repeat=len(values))
    ]
    return float(np.mean([total >= abs(values.sum()) - 1e-9 for total in sums]))


@pytest.mark.parametrize("n", [1, 2, 5, 8, 11])
def test_sign_flips_are_all_counted(n: int) -> None:
    values = np.random.default_rng(n).normal(0.4, 1, n)
    assert stats.sign_flip(values) == pytest.approx(every_sign(values))
    found = scipy_stats.permutation_test(
        (values,), lambda x, axis: np.abs(x.sum(axis=axis)), permutation_type="samples", alternative="greater",
        n_resamples=10**6, vectorized=True,
    ) if n > 1 else None  # fmt: skip
    assert found is None or stats.sign_flip(values) == pytest.approx(found.pvalue)


def test_ties_and_zeros_of_sign_flips() -> None:
    assert stats.sign_flip([1, 1, 1, 1, 1]) == 2 / 2**5
    assert stats.sign_flip([1, 1, -1, -1]) == 1
    assert stats.sign_flip([0, 0, 0]) == 1
    assert stats.sign_flip([0, 1, 1, 1]) == 2 / 2**3
    assert np.isnan(stats.sign_flip([]))


def test_many_sign_flips_are_about_normal() -> None:
    values = np.random.default_rng(3).normal(0.2, 1, 40)
    exact = stats.sign_flip(values[:32])
    z = abs(values[:32].sum()) / np.sqrt((values[:32] ** 2).sum())
    assert exact == pytest.approx(2 * scipy_stats.norm.sf(z), rel=0.05)
    z = abs(values.sum()) / np.sqrt((values**2).sum())
    assert stats.sign_flip(values) == pytest.approx(2 * scipy_stats.norm.sf(z))


@pytest.mark.parametrize("n", [5, 7, 10, 20])
def test_signed_ranks_are_wilcoxons(n: int) -> None:
    values = np.random.default_rng(n).normal(0.5, 1, n)
    p, direction = stats.signed_ranks(values)
    assert p == pytest.approx(scipy_stats.wilcoxon(values, method="exact").pvalue)
    rank_sum = (np.sign(values) * scipy_stats.rankdata(np.abs(values))).sum()
    assert direction == np.sign(rank_sum)


def test_an_infinite_difference_has_the_largest_rank() -> None:
    finite = [-0.1, -0.2, -0.3, -0.4, -0.5, -0.6]
    assert stats.signed_ranks([*finite, np.inf]) == stats.signed_ranks([*finite, 1e9])
    assert stats.signed_ranks([-np.inf] * 7) == (2 / 2**7, -1)
    assert stats.signed_ranks([np.inf, -np.inf, np.nan])[0] == 1


def test_paired_rates_are_mcnemars() -> None:
    first, second = [1] * 7, [1, 0, 0, 0, 0, 0, 0]
    assert stats.paired_rates(first, second) == pytest.approx(2 / 2**6)
    assert stats.paired_rates(first, first) == 1
    mcnemar = pytest.importorskip("statsmodels.stats.contingency_tables").mcnemar
    rng = np.random.default_rng(0)
    one, other = rng.random(20) < 0.7, rng.random(20) < 0.4
    table = [[(one & other).sum(), (one & ~other).sum()], [(~one & other).sum(), (~one & ~other).sum()]]
    assert stats.paired_rates(one, other) == pytest.approx(mcnemar(table, exact=True).pvalue)


@pytest.mark.parametrize("n", [5, 7, 10])
def test_exact_tests_find_nothing_among_equals_more_than_one_time_in_twenty(n: int) -> None:
    rng = np.random.default_rng(n)
    skewed = rng.exponential(1, (3000, n)) - rng.exponential(1, (3000, n))  # of equals: symmetric, with heavy tails
    assert np.mean([stats.sign_flip(row) <= 0.05 for row in skewed]) <= 0.062
    assert np.mean([stats.signed_ranks(row)[0] <= 0.05 for row in skewed]) <= 0.062
    solved = rng.random((2, 3000, n)) < 0.5
    assert np.mean([stats.paired_rates(a, b) <= 0.05 for a, b in zip(*solved, strict=True)]) <= 0.062
