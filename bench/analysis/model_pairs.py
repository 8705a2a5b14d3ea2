"""Contenders compared in pairs on each task: the ratio of test losses over shared replicates.

comparisons   every pair of cells on every task, corrected as one family: what "beats" rests on
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
from bench.analysis.recorded import Recorded
from bench.analysis.selected import loss_table

LOG_MARGIN = math.log10(1 + MARGIN)


@dataclass(frozen=True, kw_only=True)
class PairComparison:
    """`first` against `second` on one task. `effect` is the ratio of their test losses with its 95 % interval.

    effect, low, high: geometric means over the replicates that both finished. n: replicates of which at least one of
    the two finished (of a series: blocks). failed: replicates on which only the first, and only the second failed.
    p: with a failure as the worst result; p_adjusted: NaN for fewer than `ENOUGH` replicates. favours: the side p
    speaks for. skewed: see `stats.compare_losses`. within: p of "they differ by `MARGIN` or more". effect_size: Hedges'
    (`stats.effect_size`) of the paired log losses; below 0 where `first` has the lower ones. overlap: the ratio of test
    to training rows of replicates that share data, 0 for others.
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
    p_adjusted: float
    within: float
    failed: tuple[int, int]
    favours: str | None
    skewed: bool
    effect_size: float
    differences: tuple[float, ...]
    overlap: float = 0.0

    @property
    def equal(self) -> bool:
        """Whether the whole interval lies within rounding of no difference; a single pair has no interval."""
        return not any(self.failed) and 1 / (1 + NEGLIGIBLE) <= self.low <= self.high <= 1 + NEGLIGIBLE

    @property
    def settled(self) -> bool:
        """Whether the difference is certain enough, and large enough, to be stated."""
        return self.n >= ENOUGH and self.p_adjusted < LEVEL and not self.equal

    @property
    def testable_p(self) -> float:
        """p, and NaN where there are too few replicates to test."""
        return self.p if self.n >= ENOUGH else math.nan

    def seen_from(self, model: str) -> PairComparison:
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


def comparisons(results: Recorded, contenders: Sequence[Contender]) -> tuple[PairComparison, ...]:
    """All pairs of cells on all tasks of all comparisons, corrected as one family."""
    names = [contender.name for contender in contenders]
    found = [
        pair
        for match in results.matches
        for task in results.tasks
        for pair in _pairs(results, match, task, list(combinations(names, 2)))
    ]
    return adjusted(found)


def twin_pairs(results: Recorded, contenders: Sequence[Contender]) -> tuple[PairComparison, ...]:
    """The first implementation of each cell against its others, corrected as one family."""
    wanted = [(each.name, other) for each in contenders for other in each.implementations[1:]]
    return adjusted(
        [p for match in results.matches for task in results.tasks for p in _pairs(results, match, task, wanted)]
    )


def adjusted(pairs: Sequence[PairComparison]) -> tuple[PairComparison, ...]:
    """Pairs with p-values corrected over all of them that can be tested."""
    p_values = stats.benjamini_hochberg([pair.testable_p for pair in pairs])
    return tuple(replace(pair, p_adjusted=float(p)) for pair, p in zip(pairs, p_values, strict=True))


def _pairs(results: Recorded, match: str, task: str, wanted: Sequence[tuple[str, str]]) -> list[PairComparison]:
    of_task = _Task(results, match, task)
    loss, there = of_task.losses
    replicates = loss.index.to_numpy(int)
    by_model = {name: (loss[name].to_numpy(float), there[name].to_numpy(bool)) for name in loss.columns}
    found = []
    for pair in wanted:
        if all(name in by_model for name in pair):
            (first, first_there), (second, second_there) = (by_model[name] for name in pair)
            shared = first_there & second_there
            found.append(of_task.compared(pair, replicates[shared].tolist(), first[shared], second[shared]))
    return found


def against_reference(
    results: Recorded, match: str, task: str, models: Sequence[str], reference: BestReference
) -> list[PairComparison]:
    """Each model first against the reference on the same replicates, not adjusted."""
    of_task = _Task(results, match, task)
    loss, there = of_task.losses
    found = []
    for model in (model for model in models if model in loss.columns):
        shared = [int(r) for r in loss.index[there[model].to_numpy(bool)] if int(r) in reference.losses]
        own, other = loss.loc[shared, model].to_numpy(float), np.array([reference.losses[r] for r in shared])
        found.append(of_task.compared((model, reference.name), shared, own, other))
    return found


class _Task:
    """What all pairs of a task share."""

    def __init__(self, results: Recorded, match: str, task: str) -> None:
        self.match, self.task, self.first_look = match, task, results.first_look
        self.losses = loss_table(results, match, task)
        self.shared = results.shared_rows.get(task, {})

    def compared(
        self, names: tuple[str, str], replicates: Sequence[int], first: np.ndarray, second: np.ndarray
    ) -> PairComparison:
        """Two sides' log10 losses on the same replicates, compared."""
        folds = None
        if self.shared and all(r in self.shared for r in replicates):
            folds = stats.Folds(*np.array([self.shared[r] for r in replicates]).reshape(-1, 3).T)
        found = stats.compare_losses(first, second, LOG_MARGIN, folds=folds, first_look=self.first_look)
        ratio = [10.0 ** np.clip(value, -300, 300) for value in (found.value, found.low, found.high)]
        return PairComparison(
            match=self.match,
            task=self.task,
            first=names[0],
            second=names[1],
            n=found.n,
            effect=float(ratio[0]),
            low=float(ratio[1]),
            high=float(ratio[2]),
            p=found.p,
            p_adjusted=math.nan,
            within=found.within,
            failed=found.failed,
            favours=None if found.direction == 0 else names[0] if found.direction < 0 else names[1],
            skewed=found.skewed,
            effect_size=stats.effect_size(found.differences, np.zeros(len(found.differences))),
            differences=tuple(found.differences.tolist()),
            overlap=found.overlap,
        )
