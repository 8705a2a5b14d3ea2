"""What a claim is (a declaration with a test) and what its test finds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bench.formatting import number

if TYPE_CHECKING:
    from bench.claims.evidence import Evidence

State = Literal["supported", "refuted", "not settled", "not measured here"]
ENOUGH = 5  # replicates (or probes): with fewer nothing is settled
LEVEL = 0.05


@dataclass(frozen=True)
class Part:
    """One thing that a claim asserts, as far as the data decide it.

    effect, low, high: in the terms that `unit` says, with a 95 % interval; NaN where there is none. n: replicates,
    probes or timings. p_for, p_against: one-sided p-values of the data, were the assertion not true, or its contrary
    not; NaN: nothing to test. state: given where no p decides (a count, a missing GPU); else found by `bench.claims`,
    after Holm's adjustment over the parts of all claims.
    """

    name: str
    unit: str = ""
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    p_for: float = math.nan
    p_against: float = math.nan
    state: State | None = None
    why: str = ""

    @property
    def p(self) -> float:
        """Two-sided: either way of settling it counts."""
        return min(1.0, 2 * min(self.p_for, self.p_against))

    @property
    def numbers(self) -> str:
        """Effect, interval and n in words; empty where there is no effect."""
        if math.isnan(self.effect):
            return ""
        bounds = "" if math.isnan(self.low) else f" (95 % interval {number(self.low)} to {number(self.high)})"
        return f"{self.unit} {number(self.effect)}{bounds}, n = {self.n}".strip()


def missing(name: str, why: str) -> Part:
    """A part for which these results hold no data."""
    return Part(name, state="not settled", why=why)


def not_measured(name: str, why: str) -> Part:
    """A part that this machine cannot measure."""
    return Part(name, state="not measured here", why=why)


def combine(parts: Sequence[Part]) -> State:
    """Refuted where any part is, supported where all are; what can't be measured here is left out of it."""
    states = {part.state for part in parts if part.state != "not measured here"}
    if not states:
        return "not measured here"
    if "refuted" in states:
        return "refuted"
    return "supported" if states == {"supported"} else "not settled"


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
