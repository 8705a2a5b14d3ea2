"""One thing that a claim asserts, and what the data say of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.analysis.formatting import number

State = Literal["supported", "refuted", "not_settled", "not_measured_here", "not_tested"]
WORDS: dict[State, str] = {
    "supported": "supported",
    "refuted": "refuted",
    "not_settled": "not settled",
    "not_measured_here": "not measured here",
    "not_tested": "not tested by this experiment",
}


@dataclass(frozen=True)
class Part:
    """One thing that a claim asserts, as far as the data decide it.

    finding: a sentence with `{}` where the effect stands. effect, low, high: in its terms, with a 95 % interval; NaN
    where there is none. n: how many `counted` there are. p_for, p_against: one-sided p-values of the data, were the
    assertion not true, or its contrary not; NaN: nothing to test. state: given where no p decides (a count, a missing
    GPU); else found by `bench.analysis.claims`, after Holm's adjustment over the parts of all claims.
    """

    name: str
    finding: str = "{}"
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    p_for: float = math.nan
    p_against: float = math.nan
    state: State | None = None
    why: str = ""
    counted: str = "replicate"

    @property
    def p(self) -> float:
        """Two-sided: either way of settling it counts."""
        return min(1.0, 2 * min(self.p_for, self.p_against))

    @property
    def numbers(self) -> str:
        """Effect, interval and n in words; empty where there is no effect."""
        if math.isnan(self.effect):
            return ""
        bounds = "" if math.isnan(self.low) else f"95 % interval {number(self.low)} to {number(self.high)}, "
        return f"{self.finding.format(number(self.effect))} ({bounds}{self.n} {self.counted}{'s' * (self.n != 1)})"

    @property
    def sentence(self) -> str:
        """Name, numbers and reason."""
        said = "; ".join(filter(None, (self.numbers, self.why)))
        return f"{self.name}: {said}" if said else self.name


def not_tested(name: str, why: str) -> Part:
    """A part for which these results hold no data."""
    return Part(name, state="not_tested", why=why)


def not_measured(name: str, why: str) -> Part:
    """A part that this machine cannot measure."""
    return Part(name, state="not_measured_here", why=why)


def combine(parts: Sequence[Part]) -> State:
    """Refuted where any part is, supported where all are; what cannot be measured here is left out.

    A claim of which one part has data and another has none is not settled.
    """
    states = {part.state for part in parts if part.state != "not_measured_here"}
    if not states:
        return "not_measured_here"
    if states == {"not_tested"}:
        return "not_tested"
    if "refuted" in states:
        return "refuted"
    return "supported" if states == {"supported"} else "not_settled"
