"""What a claim is (a declaration with a test) and what the data say of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.analysis.claims.evidence import Evidence
from bench.analysis.claims.part import WORDS, Part, State, combine
from bench.analysis.formatting import counted, listed, number

# what one part does, and what several do
_SAY: dict[State, tuple[str, str]] = {
    "supported": ("supports it", "support it"),
    "refuted": ("refutes it", "refute it"),
    "not_settled": ("is not settled", "are not settled"),
    "not_measured_here": ("cannot be measured here", "cannot be measured here"),
    "not_tested": ("has no data", "have no data"),
}


@dataclass(frozen=True)
class Claim:
    """statement: as people say it. source: who says it. test: what it finds.

    needs: the flags that an experiment must have to test it; recipe: one that has them. judge: the claim's state from
    its parts with their states. note: what a reader must know besides.
    """

    number: int
    statement: str
    source: str
    needs: str
    recipe: str
    test: Callable[[Evidence], list[Part]]
    judge: Callable[[Sequence[Part]], State] = combine
    note: str = ""

    @property
    def how_to_test(self) -> str:
        """The command that tests it, and the flags that an experiment of one's own must have."""
        return f"python -m bench run --recipe {self.recipe} (or an experiment of your own with {self.needs})"


@dataclass(frozen=True)
class Judgement:
    """A claim with what the data say of it; `parts` have their states."""

    claim: Claim
    state: State
    parts: tuple[Part, ...] = field(default_factory=tuple)

    @property
    def shown(self) -> State:
        """The state as people read it: a claim of which nothing was measured is not tested, whatever the reason."""
        measured = any(part.n > 0 or part.state in ("supported", "refuted") for part in self.parts)
        return self.state if measured else "not_tested"

    @property
    def deciding(self) -> tuple[Part, ...]:
        """The parts in which the state of the whole lies."""
        return tuple(part for part in self.parts if part.state == self.state) or self.parts

    @property
    def why(self) -> str:
        """The parts that decide, with their numbers; for a claim without data, how to test it."""
        if self.state == "not_tested":
            return self.claim.how_to_test
        return ". ".join(part.sentence for part in self.deciding)

    @property
    def summary(self) -> str:
        """As `why`; where several parts decide, how many of all parts say what, in one sentence.

        It has the range of the effects of those that come first, where they share a finding, as times on several
        kernels do.
        """
        if self.state == "not_tested" or len(self.deciding) < 2:
            return self.why
        groups: dict[State, list[Part]] = {}
        for part in self.parts:
            groups.setdefault(part.state or "not_settled", []).append(part)
        said: list[str] = []
        for state in sorted(groups, key=lambda state: (state != self.state, list(_SAY).index(state))):
            count = len(groups[state])
            of, effects = ("", "") if said else (f" of {counted(len(self.parts), 'part')}", _effects(groups[state]))
            said.append(f"{count}{of} {_SAY[state][count > 1]}{effects}")
        return listed(said)

    @property
    def sentence(self) -> str:
        """Statement, state and reason."""
        return f"{self.claim.number}. {self.claim.statement} {WORDS[self.state].capitalize()}: {self.why}."


def _effects(parts: Sequence[Part]) -> str:
    """The range of the parts' effects, in brackets; empty where their findings differ or one has no effect."""
    findings, effects = {part.finding for part in parts}, [part.effect for part in parts]
    if len(findings) > 1 or any(map(math.isnan, effects)):
        return ""
    low, high = number(min(effects)), number(max(effects))
    return f" ({parts[0].finding.format(low if low == high else f'{low} to {high}')})"
