"""What a claim is (a declaration with a test) and what its test finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.analysis.claims.evidence import Evidence
from bench.analysis.claims.part import Part, State, combine


@dataclass(frozen=True)
class Claim:
    """statement: as people say it. source: who says it. needs: what an experiment must hold. test: what it finds.

    verdict: of the parts with their states. note: what a reader must know besides.
    """

    number: int
    statement: str
    source: str
    needs: str
    test: Callable[[Evidence], list[Part]]
    verdict: Callable[[Sequence[Part]], State] = combine
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """A claim with what the data say of it; `parts` have their states."""

    claim: Claim
    state: State
    parts: tuple[Part, ...] = field(default_factory=tuple)

    @property
    def why(self) -> str:
        """One sentence: the parts that decide, with their numbers."""
        ranked = [part for part in self.parts if part.state == self.state] or list(self.parts)
        said = [f"{part.name}: {'; '.join(filter(None, (part.numbers, part.why)))}" for part in ranked]
        return ". ".join(text.removesuffix(": ") for text in said)

    @property
    def sentence(self) -> str:
        """Statement, state and reason."""
        return f"{self.claim.number}. {self.claim.statement} {self.state.capitalize()}: {self.why}."
