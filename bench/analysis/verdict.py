"""What can be said of one task under one rule: a verdict, with the need for a recurrent net in it.

How it is reached: `bench.analysis.verdicts`. Its words: `bench.analysis.verdict_words`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from bench.analysis import stats
from bench.analysis.contenders import BestReference
from bench.analysis.levels import ENOUGH, LEVEL
from bench.analysis.model_pairs import PairComparison

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
    def best_nets(self) -> tuple[str, ...]:
        """The winner, or the cells that may be the best, where others are known to be worse or all are equal; empty
        where nothing is known."""
        if self.winner:
            return (self.winner,)
        some = self.equal or self.unbeaten
        return some if self.state == "equal" or len(some) < len(self.ranking) else ()

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
        if self.state == "one model":
            return self.ranking[0][0] if self.need.state == "yes" else "can't tell yet"
        if self.best_nets:
            return " or ".join(self.best_nets)
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
