"""How a verdict is reached: for each task whether a recurrent net is needed, and which one, no stronger than the data.

    winner      the cell with the lowest geometric mean loss, where the largest p of its pairs with all rivals survives
                the correction over tasks and rules (one p each: the winner must beat everybody, so none within)
    equal       else the cells that are practically equal: their losses differ by less than `levels.MARGIN`
    need        whether the best cell beats the best predictor without a recurrent net, corrected alike

The correction is Benjamini and Hochberg's: of what a report calls clear, at most one in twenty is expected to be
chance, and where nothing differs, the chance of any such statement is 5 %. Holm's, which always promises the latter,
finds half as much on pages of 32 tasks (docs/protocol.md).

What a verdict holds: `bench.analysis.verdict`. Whom else a cell beats rests on all pairs: `bench.analysis.model_pairs`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.analysis import stats
from bench.analysis.contenders import Contender, best_reference, without_recurrence
from bench.analysis.levels import ENOUGH, LEVEL
from bench.analysis.model_pairs import PairComparison, against_reference
from bench.analysis.recorded import Recorded
from bench.analysis.selected import tasks_in, typical_losses
from bench.analysis.verdict import Family, Need, State, Verdict


def verdicts(
    results: Recorded, contenders: Sequence[Contender], pairs: Sequence[PairComparison]
) -> tuple[Verdict, ...]:
    """One verdict for each comparison and task that has results, p-values corrected over all of them."""
    names = [contender.name for contender in contenders]
    plain = without_recurrence(results) & set(names)
    found = []
    for match in results.matches:
        for task in tasks_in(results, match):
            own = [pair for pair in pairs if pair.match == match and pair.task == task]
            standing = _standing(results, match, task, names, own)
            there = plain.intersection(name for name, _ in standing.ranking)
            found.append(replace(standing, net="net" if there else "recurrent net", without_recurrence=there))
    p_win = stats.benjamini_hochberg([verdict.p for verdict in found])
    p_equal = stats.benjamini_hochberg([verdict.p_equal for verdict in found])
    p_need = stats.benjamini_hochberg([verdict.need.p for verdict in found])
    wins = _family([verdict for verdict in found if not math.isnan(verdict.p)], p_win)
    needs = _family([verdict for verdict in found if not math.isnan(verdict.need.p)], p_need)
    found = [replace(verdict, family=wins, need=replace(verdict.need, family=needs)) for verdict in found]
    return tuple(
        _decided(verdict, float(win), float(equal), float(need))
        for verdict, win, equal, need in zip(found, p_win, p_equal, p_need, strict=True)
    )


def _family(tested: Sequence[Verdict], p: NDArray[np.float64]) -> Family:
    if not tested:
        return Family()
    tasks, rules = ({verdict.task for verdict in tested}, {verdict.match for verdict in tested})
    return Family(len(tested), len(tasks), len(rules), int((p < LEVEL).sum()))


def _standing(
    results: Recorded, match: str, task: str, names: Sequence[str], pairs: Sequence[PairComparison]
) -> Verdict:
    """Who leads, and the p-values of the task, before any correction over tasks."""
    typical = {name: loss for name, loss in typical_losses(results, match, task).items() if name in names}
    ordered = list(typical)
    ranking = tuple(typical.items())
    need = _need(results, match, task, ordered)
    own = [pair for pair in pairs if pair.first in typical and pair.second in typical]
    if len(ordered) < 2:
        state: State = "one model" if ordered else "failed"
        return Verdict(match=match, task=task, state=state, ranking=ranking, need=need)
    leader = ordered[0]
    rivals = [pair.seen_from(leader) for pair in own if leader in (pair.first, pair.second)]
    beaten = tuple(pair.second for pair in rivals if pair.settled and pair.favours == leader)
    unbeaten = [pair for pair in rivals if pair.second not in beaten]
    hardest = [_win_p(pair, leader) for pair in rivals]
    return Verdict(
        match=match,
        task=task,
        state="not settled",
        ranking=ranking,
        beaten=beaten,
        nearest=max(rivals, key=lambda pair: (_nan_last(_win_p(pair, leader)), pair.effect if pair.n else 0.0)),
        p=math.nan if any(math.isnan(p) for p in hardest) else max(hardest),
        p_equal=_largest([pair.within if pair.n >= ENOUGH else math.nan for pair in unbeaten or rivals]),
        different=frozenset(frozenset((pair.first, pair.second)) for pair in own if pair.settled),
        need=need,
    )


def _win_p(pair: PairComparison, leader: str) -> float:
    """p of "the rival is as good as the leader"; 1 where the pair speaks for the rival or differs by rounding alone."""
    return pair.testable_p if pair.favours == leader and not pair.equal else 1.0 if pair.n >= ENOUGH else math.nan


def _nan_last(p: float) -> float:
    """Too few replicates keep a model from winning more than any p does."""
    return 2.0 if math.isnan(p) else p


def _largest(values: Sequence[float]) -> float:
    return math.nan if any(math.isnan(value) for value in values) else max(values)


def _need(results: Recorded, match: str, task: str, ordered: Sequence[str]) -> Need:
    """The best cell against the best reference. That some cell beats it is corrected for the number of cells; that it
    beats them all needs no correction: the largest p counts."""
    reference = best_reference(results, match, task)
    if reference is None or not ordered:
        return Need(reference=reference)
    pairs = against_reference(results, match, task, ordered, reference)
    best = next(pair for pair in pairs if pair.first == ordered[0])
    if best.n < ENOUGH:
        return Need(state="can't tell yet", reference=reference, pair=best)
    if best.favours == best.first:
        p, hardest = min(1.0, best.p * len(pairs)), ""
    else:
        tested = {pair.first: pair.p if pair.favours == reference.name else 1.0 for pair in pairs if pair.n >= ENOUGH}
        hardest = max(tested, key=lambda name: _nan_last(tested[name]))
        p = tested[hardest]
    return Need(state="can't tell yet", reference=reference, pair=best, p=p, cells=len(pairs), hardest=hardest)


def _decided(verdict: Verdict, p_win: float, p_equal: float, p_need: float) -> Verdict:
    """The verdict with its state, given the p-values corrected over tasks and rules."""
    need = replace(verdict.need, p_adjusted=p_need)
    pair = need.pair
    if pair is not None and pair.n >= ENOUGH and pair.within < LEVEL:
        need = replace(need, state="no")
    elif pair is not None and p_need < LEVEL:
        need = replace(need, state="yes" if pair.favours == pair.first else "no")
    verdict = replace(verdict, need=need, p_adjusted=p_win, p_equal=p_equal)
    if verdict.nearest is None:
        return verdict
    if p_win < LEVEL:
        rivals = tuple(name for name, _ in verdict.ranking[1:])
        told = verdict.different | {frozenset((str(verdict.leader), rival)) for rival in rivals}
        return replace(verdict, state="settled", winner=verdict.leader, beaten=rivals, different=frozenset(told))
    if p_equal < LEVEL:
        return replace(verdict, state="equal", equal=verdict.unbeaten)
    return _with_a_rival(verdict, verdict.nearest)


def _with_a_rival(verdict: Verdict, nearest: PairComparison) -> Verdict:
    """An open verdict in which somebody may still be as good as the leader.

    Each of its pairs can be clear among all pairs of a report, of which many more are, and yet not that it wins.
    """
    if len(verdict.beaten) < len(verdict.ranking) - 1:
        return verdict
    return replace(
        verdict,
        beaten=tuple(name for name in verdict.beaten if name != nearest.second),
        different=verdict.different - {frozenset((nearest.first, nearest.second))},
    )


def as_told(pairs: Sequence[PairComparison], found: Sequence[Verdict]) -> tuple[PairComparison, ...]:
    """The pairs with p-values by which those differ that the verdicts tell apart.

    Whether a leader wins is a question of its own, corrected over tasks. Where its answer is another one than that of
    the pair of the leader and a rival among all pairs, the verdict's p-value counts.
    """
    by_place = {(verdict.match, verdict.task): verdict for verdict in found}
    told = []
    for pair in pairs:
        verdict = by_place.get((pair.match, pair.task))
        agrees = verdict is None or pair.settled == (frozenset((pair.first, pair.second)) in verdict.different)
        told.append(replace(pair, p_adjusted=verdict.p_adjusted) if verdict and not agrees else pair)
    return tuple(told)
