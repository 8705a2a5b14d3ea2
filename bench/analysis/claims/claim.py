"""What a claim is (a declaration with a test) and what the data say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.analysis.claims.evidence import Evidence
from bench.analysis.claims.part import WORDS, Part, State, combine


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
        return f"python -m bench run --recipe {self.recipe} tests it (or your own with {self.needs})"


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
    def why(self) -> str:
        """The parts that decide, with their numbers; for a claim without data, how to test it."""
        if self.state == "not_tested":
            return self.claim.how_to_test
        ranked = [part for part in self.parts if part.state == self.state] or list(self.parts)
        return ". ".join(part.sentence for part in ranked)

    @property
    def sentence(self) -> str:
        """Statement, state and reason."""
        return f"{self.claim.number}. {self.claim.statement} {WORDS[self.state].capitalize()}: {self.why}."
