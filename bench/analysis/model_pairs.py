"""Contenders compared in pairs on each task: the ratio of test losses over shared replicates.

comparisons   every pair of cells on every task, Holm-adjusted as one family: what "beats" rests on
twin_pairs    implementations of one cell: are they equal?
against_reference   cells against the best predictor without a recurrent net
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from bench.analysis import stats
from bench.analysis.contenders import BestReference, Contender
from bench.analysis.levels import ENOUGH, LEVEL, MARGIN, NEGLIGIBLE
from bench.analysis.results import Results
from bench.analysis.selected import loss_table, origins

LOG_MARGIN = math.log10(1 + MARGIN)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`first` against `second` on one task. `effect` is the ratio of their test losses with its 95 % interval.

    effect, low, high: geometric means over the replicates that both finished. n: replicates of which at least one of
    the two finished (of a series: blocks). failed: replicates on which only the first, and only the second failed.
    p: with a failure as the worst result; p_holm: NaN for fewer than `ENOUGH` replicates. favours: the side p speaks
    for. skewed: see `stats.compare_losses`. within: p of "they differ by `MARGIN` or more". effect_size: Hedges'
    (`stats.effect_size`) of the paired log losses; below 0 where `first` has the lower ones.
    """

    match: str
    task: str
    first: str
    second: str
    n: int
    effect: float
    low: float
    high: float
    p: float
    p_holm: float
    within: float
    failed: tuple[int, int]
    favours: str | None
    skewed: bool
    effect_size: float
    differences: tuple[float, ...]

    @property
    def equal(self) -> bool:
        """Whether the whole interval lies within rounding of no difference; a single pair has no interval."""
        return not any(self.failed) and 1 / (1 + NEGLIGIBLE) <= self.low <= self.high <= 1 + NEGLIGIBLE

    @property
    def settled(self) -> bool:
        """Whether the difference is certain enough, and large enough, to be stated."""
        return self.n >= ENOUGH and self.p_holm < LEVEL and not self.equal

    @property
    def testable_p(self) -> float:
        """p, and NaN where there are too few replicates to test."""
        return self.p if self.n >= ENOUGH else math.nan

    def seen_from(self, model: str) -> Comparison:
        """The same comparison with `model` first."""
        if model == self.first:
            return self
        return replace(
            self,
            first=self.second,
            second=self.first,
            effect=1 / self.effect,
            low=1 / self.high if self.high else math.inf,
            high=1 / self.low if self.low else math.inf,
            failed=self.failed[::-1],
            effect_size=-self.effect_size,
            differences=tuple(-d for d in self.differences),
        )


def comparisons(results: Results, contenders: Sequence[Contender]) -> tuple[Comparison, ...]:
    """All pairs of cells on all tasks of all comparisons, Holm-adjusted as one family."""
    names = [contender.name for contender in contenders]
    found = [
        pair
        for match in results.matches
        for task in results.tasks
        for pair in _pairs(results, match, task, list(combinations(names, 2)))
    ]
    return adjusted(found)


def twin_pairs(results: Results, contenders: Sequence[Contender]) -> tuple[Comparison, ...]:
    """The first implementation of each cell against its others, Holm-adjusted as one family."""
    wanted = [(each.name, other) for each in contenders for other in each.implementations[1:]]
    return adjusted(
        [p for match in results.matches for task in results.tasks for p in _pairs(results, match, task, wanted)]
    )


def adjusted(pairs: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Pairs with Holm's correction over all of them that can be tested."""
    holm = stats.holm([pair.testable_p for pair in pairs])
    return tuple(replace(pair, p_holm=float(p)) for pair, p in zip(pairs, holm, strict=True))


def _pairs(results: Results, match: str, task: str, wanted: Sequence[tuple[str, str]]) -> list[Comparison]:
    table, there = loss_table(results, match, task)
    found = []
    for first, second in wanted:
        if first in table.columns and second in table.columns:
            shared = table.index[(there[first] & there[second]).to_numpy(bool)]
            sides = (table.loc[shared, name].to_numpy(float) for name in (first, second))
            found.append(_compared(results, match, task, (first, second), list(map(int, shared)), *sides))
    return found


def against_reference(
    results: Results, match: str, task: str, models: Sequence[str], reference: BestReference
) -> list[Comparison]:
    """Each model first against the reference on the same replicates, not adjusted."""
    table, there = loss_table(results, match, task)
    found = []
    for model in (model for model in models if model in table.columns):
        shared = [int(r) for r in table.index[there[model].to_numpy(bool)] if int(r) in reference.losses]
        own, other = table.loc[shared, model].to_numpy(float), np.array([reference.losses[r] for r in shared])
        found.append(_compared(results, match, task, (model, reference.name), shared, own, other))
    return found


def _compared(
    results: Results,
    match: str,
    task: str,
    names: tuple[str, str],
    replicates: list[int],
    first: np.ndarray,
    second: np.ndarray,
) -> Comparison:
    places = origins(results, match, task)
    folds = None
    if places and all(r in places for r in replicates):
        folds = stats.Folds(*np.array([places[r] for r in replicates]).reshape(-1, 3).T)
    found = stats.compare_losses(first, second, LOG_MARGIN, folds=folds, first_look=results.first_look)
    ratio = [10.0 ** np.clip(value, -300, 300) for value in (found.value, found.low, found.high)]
    return Comparison(
        match=match,
        task=task,
        first=names[0],
        second=names[1],
        n=found.n,
        effect=float(ratio[0]),
        low=float(ratio[1]),
        high=float(ratio[2]),
        p=found.p,
        p_holm=math.nan,
        within=found.within,
        failed=found.failed,
        favours=None if found.direction == 0 else names[0] if found.direction < 0 else names[1],
        skewed=found.skewed,
        effect_size=stats.effect_size(found.differences, np.zeros(len(found.differences))),
        differences=tuple(found.differences.tolist()),
    )
