"""From values to a part of a claim: Student's t on one mean, two one-sided tests, and "on every task"."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bench.analysis import stats
from bench.analysis.claims.pairs import Pairs
from bench.analysis.claims.part import Part, not_tested
from bench.analysis.formatting import number


class Tested(NamedTuple):
    """Effect with its 95 % interval, n, and one-sided p-values for an assertion and for its contrary."""

    effect: float
    low: float
    high: float
    n: int
    p_for: float
    p_against: float
    remark: str = ""


def mean_below(pairs: Pairs, zero: float = 0.0, transform: Callable[[float], float] = float) -> Tested:
    """Is the mean below `zero`? By Student's t; shown through `transform`.

    A sign that would make the side with more failures the better one is not settled.
    """
    found = stats.paired_difference(pairs.differences, zero)
    shown = [transform(x + zero) if math.isfinite(x) else math.nan for x in found[:3]]
    p_low, p_high = _one_sided(found)
    p_low, p_high = p_low if pairs.may_be_lower else 1.0, p_high if pairs.may_be_higher else 1.0
    return Tested(shown[0], shown[1], shown[2], found.n, p_low, p_high, pairs.remark)


def mean_above(pairs: Pairs, zero: float = 0.0, transform: Callable[[float], float] = float) -> Tested:
    """Is the mean above `zero`? The contrary of `mean_below`."""
    found = mean_below(pairs, zero, transform)
    return found._replace(p_for=found.p_against, p_against=found.p_for)


def ratio_below(pairs: Pairs, bound: float = 1.0) -> Tested:
    """Is a ratio below `bound`, from the differences of its logarithm?"""
    return mean_below(pairs, math.log(bound), math.exp)


def ratio_above(pairs: Pairs, bound: float = 1.0) -> Tested:
    """Is a ratio above `bound`?"""
    return mean_above(pairs, math.log(bound), math.exp)


def ratio_within(pairs: Pairs, margin: float) -> Tested:
    """Is a ratio within 1/`margin` and `margin`? Two one-sided tests; not where one side failed more often.

    Its contrary is that the ratio lies outside, by one test of the nearer bound.
    """
    values, bound = pairs.differences, math.log(margin)
    found, within = stats.paired_difference(values, 0.0), stats.equivalence(values, np.zeros(len(values)), bound)
    outwards = values if found.value >= 0 else -values
    outside = _one_sided(stats.paired_difference(outwards, bound))[1]
    effect, low, high = (math.exp(x) if math.isfinite(x) else math.nan for x in found[:3])
    better = pairs.may_be_higher if found.value >= 0 else pairs.may_be_lower
    alike = pairs.first_failed == pairs.second_failed
    return Tested(effect, low, high, found.n, within.p if alike else 1.0, outside if better else 1.0, pairs.remark)


def _one_sided(found: stats.Paired) -> tuple[float, float]:
    """p of "the mean is not below 0", and of "it is not above 0"."""
    if math.isnan(found.p):
        return math.nan, math.nan
    half = found.p / 2
    return (half, 1 - half) if found.value < 0 else (1 - half, half)


def mean_part(name: str, finding: str, values: Iterable[float], test: Callable[[Pairs], Tested], nothing: str) -> Part:
    """A part about one mean over replicates; `nothing` says what is lacking where there are no values."""
    pairs = Pairs(np.asarray(list(values), dtype=np.float64))
    return _part(name, finding, test(pairs)) if pairs.n else not_tested(name, nothing)


def _part(name: str, finding: str, tested: Tested) -> Part:
    return Part(name, finding, *tested[:6], why=tested.remark)


def on_every(
    name: str,
    finding: str,
    cases: Mapping[str, Pairs],
    test: Callable[[Pairs], Tested],
    nothing: str,
) -> Part:
    """A part that must hold on every case: a mean over cases could be carried by a single one.

    Its p is the largest over cases (an intersection-union test, Berger 1982); its contrary's is the smallest times
    the number of cases (Bonferroni), as one case suffices. The numbers are those of the case that decides.
    """
    tested = {case: test(pairs) for case, pairs in cases.items()}
    if not tested:
        return not_tested(name, nothing)
    against = min(tested, key=lambda case: _sortable(tested[case].p_against))
    weakest = max(tested, key=lambda case: _sortable(tested[case].p_for))
    p_for, p_against = tested[weakest].p_for, min(1.0, len(tested) * tested[against].p_against)
    decides = against if p_against < p_for else weakest
    others = [f"{case} {number(found.effect)}" for case, found in tested.items() if case != decides]
    where = f"on {decides}" + (f", which decides; on the others: {', '.join(others)}" if others else "")
    part = _part(name, finding, tested[decides])
    n = min(found.n for found in tested.values())
    return replace(part, n=n, p_for=p_for, p_against=p_against, why="; ".join(filter(None, (where, part.why))))


def on_any(
    name: str,
    finding: str,
    cases: Mapping[str, Pairs],
    test: Callable[[Pairs], Tested],
    nothing: str,
) -> Part:
    """A part that holds if it holds on one case: the contrary of `on_every`."""

    def contrary(pairs: Pairs) -> Tested:
        found = test(pairs)
        return found._replace(p_for=found.p_against, p_against=found.p_for)

    part = on_every(name, finding, cases, contrary, nothing)
    return replace(part, p_for=part.p_against, p_against=part.p_for)


def _sortable(p: float) -> float:
    return 1.0 if math.isnan(p) else p
