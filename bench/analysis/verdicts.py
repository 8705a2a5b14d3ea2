"""Verdicts: for each task whether a recurrent net is needed, and which one, no stronger than the data.

    winner      the cell with the lowest geometric mean loss, where the largest p of its pairs with all rivals survives
                the correction over tasks and rules (one p each: the winner must beat everybody, so none within)
    equal       else the cells that are practically equal: their losses differ by less than `levels.MARGIN`
    need        whether the best cell beats the best predictor without a recurrent net, corrected alike

The correction is Benjamini and Hochberg's: of what a report calls clear, at most one in twenty is expected to be
chance, and where nothing differs, the chance of any such statement is 5 %. Holm's, which always promises the latter,
finds half as much on pages of 32 tasks (docs/protocol.md).

Words: `bench.analysis.verdict_words`. Whom else a cell beats rests on all pairs (`bench.analysis.model_pairs`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.analysis import stats
from bench.analysis.contenders import BestReference, Contender, best_reference, without_recurrence
from bench.analysis.levels import ENOUGH, LEVEL
from bench.analysis.model_pairs import PairComparison, against_reference
from bench.analysis.recorded import Recorded
from bench.analysis.selected import tasks_in, typical_losses

State = Literal["settled", "equal", "not settled", "one model", "failed"]


class Family(NamedTuple):
    """What a p-value is corrected over: one question for each task under each rule (`--match`) that could be tested.

    answered: how many of them are.
    """

    questions: int = 1
    tasks: int = 1
    rules: int = 1
    answered: int = 0

    @property
    def level(self) -> float:
        """The p-value below which one more question would be answered."""
        return LEVEL * min(self.answered + 1, self.questions) / self.questions


ONE_QUESTION = Family()


@dataclass(frozen=True, kw_only=True)
class Need:
    """Whether a recurrent net is needed on a task. `pair`: the best cell against the best reference.

    cells: how many were compared with the reference; p is multiplied by it where it speaks for a cell. family: what
    p_adjusted is corrected over. hardest: where it speaks for the reference, the cell that p is of, which the reference
    beats the least clearly.
    """

    state: Literal["yes", "no", "can't tell yet", "not tested"] = "not tested"
    reference: BestReference | None = None
    pair: PairComparison | None = None
    p: float = math.nan
    p_adjusted: float = math.nan
    cells: int = 1
    family: Family = ONE_QUESTION
    hardest: str = ""

    @property
    def reference_leads(self) -> bool:
        """Whether the question is open after enough replicates, and the reference's loss is lower, or as low; a failed
        training counts as the worst loss."""
        pair = self.pair
        if self.state != "can't tell yet" or self.reference is None or pair is None or pair.n < ENOUGH:
            return False
        return pair.effect >= 1 or pair.favours == self.reference.name

    @property
    def side(self) -> Literal["net", "reference", ""]:
        """On whose side the whole interval of the difference lies; empty where it covers no difference, where a
        training failed, or where there are too few replicates for an interval."""
        pair = self.pair
        if pair is None or pair.n < ENOUGH or any(pair.failed):
            return ""
        return "reference" if pair.low > 1 else "net" if pair.high < 1 else ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What can be said of one task in one comparison. Names are of cells (`contenders.Contender.name`).

    ranking: cells that finished at least once with their geometric mean test loss, best first; a failure counts as the
    worst loss. nearest: the pair of the leader and the rival that keeps it from winning, or comes closest. p: of
    "somebody is as good as the leader"; p_adjusted: over tasks. p_equal: of "they differ by the margin". net: what
    competes, "net" where there are nets without_recurrence among them. different: pairs of cells that are known to
    differ. family: what p_adjusted is corrected over. effect, low, high, n: of `nearest`, NaN and 0 without one.
    """

    match: str
    task: str
    state: State
    ranking: tuple[tuple[str, float], ...]
    winner: str | None = None
    equal: tuple[str, ...] = ()
    beaten: tuple[str, ...] = ()
    nearest: PairComparison | None = None
    p: float = math.nan
    p_adjusted: float = math.nan
    p_equal: float = math.nan
    net: Literal["recurrent net", "net"] = "recurrent net"
    without_recurrence: frozenset[str] = frozenset()
    different: frozenset[frozenset[str]] = frozenset()
    need: Need
    family: Family = ONE_QUESTION
    headline: str = ""
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Headline and notes as one text."""
        return " ".join((self.headline, *self.notes))

    @property
    def leader(self) -> str | None:
        """The cell with the lowest geometric mean loss."""
        return self.ranking[0][0] if self.ranking else None

    @property
    def settled(self) -> bool:
        return self.state == "settled"

    @property
    def letters(self) -> dict[str, str]:
        """A compact letter display: cells that share a letter are not known to differ."""
        return stats.compact_letters([name for name, _ in self.ranking], sorted(self.different, key=sorted))

    @property
    def unbeaten(self) -> tuple[str, ...]:
        """The leader and the cells that are not known to be worse."""
        return tuple(name for name, _ in self.ranking if name not in self.beaten)

    @property
    def answer(self) -> str:
        """What to use in a few words: `no recurrent net needed`, `gru`, `gru or lstm`, `can't tell yet` (and, where the
        reference's loss is the lower one, `; until then linear_ar`), or where a net is needed and no model is known to
        be worse, `a recurrent net, not clear which`."""
        if self.need.state == "no":
            return f"no {self.net} needed"
        if not self.ranking or self.need.state == "can't tell yet":
            reference = self.need.reference
            until = f"; until then {reference.name}" if reference is not None and self.need.reference_leads else ""
            return f"can't tell yet{until}"
        if self.winner:
            return self.winner
        if self.state == "one model":
            return self.ranking[0][0] if self.need.state == "yes" else "can't tell yet"
        some = self.equal or self.unbeaten
        told = self.state == "equal" or len(some) < len(self.ranking)
        if told:
            return " or ".join(some)
        return f"a {self.net}, not clear which" if self.need.state == "yes" else "can't tell yet"

    @property
    def effect(self) -> float:
        return self.nearest.effect if self.nearest else math.nan

    @property
    def low(self) -> float:
        return self.nearest.low if self.nearest else math.nan

    @property
    def high(self) -> float:
        return self.nearest.high if self.nearest else math.nan

    @property
    def n(self) -> int:
        return self.nearest.n if self.nearest else 0


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
    return verdict
