"""One thing that a claim asserts, and what the data say of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.analysis.formatting import number

State = Literal["supported", "refuted", "not settled", "not measured here"]


ENOUGH = 5  # replicates (or probes): with fewer nothing is settled


LEVEL = 0.05


@dataclass(frozen=True)
class Part:
    """One thing that a claim asserts, as far as the data decide it.

    effect, low, high: in the terms that `unit` says, with a 95 % interval; NaN where there is none. n: replicates,
    probes or timings. p_for, p_against: one-sided p-values of the data, were the assertion not true, or its contrary
    not; NaN: nothing to test. state: given where no p decides (a count, a missing GPU); else found by
    `bench.analysis.claims`, after Holm's adjustment over the parts of all claims.
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
