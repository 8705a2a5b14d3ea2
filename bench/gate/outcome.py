"""What a check found: a state for every cell, and one exit code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bench.gate.comparison import Comparison
from bench.gate.exact import Problem
from bench.gate.replicates import CellName

State = Literal["as good", "better", "changed", "regressed", "can't compare", "skipped"]
EXIT_CODES = {"as good": 0, "better": 0, "skipped": 0, "changed": 1, "regressed": 1, "can't compare": 3}


@dataclass(frozen=True)
class CellOutcome:
    """One cell. State "changed": it computes something else than the baseline, and does not converge worse.

    first, confirmation: the two comparisons, the second only where the first looked worse.

    why: a sentence for people. p: of "no worse than the margin" in `first`, adjusted for all cells (Holm).
    """

    name: CellName
    state: State
    why: str
    first: Comparison | None = None
    p: float = math.nan
    confirmation: Comparison | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What is not as it was, and does not block."""
        return [problem.text for problem in self.problems if not problem.blocking]


@dataclass(frozen=True)
class Outcome:
    """A whole check. baseline: the folder, as it was given. notes: sentences on the check as a whole.

    subject: what was compared. A step time is compared with another commit's, on the cells of the baseline.
    """

    baseline: str
    checked: str  # what was compared with it: "this code", or an experiment's name
    cells: tuple[CellOutcome, ...]
    notes: tuple[str, ...] = ()
    seconds: float | None = None
    refusal: str | None = None  # why nothing could be compared at all
    subject: Literal["convergence", "step time"] = "convergence"

    @property
    def exit_code(self) -> int:
        """1 where a cell regressed or changed, else 3 where one could not be compared, else 0."""
        if self.refusal:
            return EXIT_CODES["can't compare"]
        codes = {EXIT_CODES[cell.state] for cell in self.cells}
        return 1 if 1 in codes else 3 if 3 in codes else 0

    def count(self, state: State) -> int:
        return sum(cell.state == state for cell in self.cells)

    @property
    def sentence(self) -> str:
        """The result in a line."""
        if self.refusal:
            return f"can't compare: {self.refusal}"
        states: tuple[State, ...] = ("regressed", "changed", "can't compare", "better", "as good", "skipped")
        parts = [f"{self.count(state)} {state}" for state in states if self.count(state)]
        return f"{len(self.cells)} cells against {self.baseline}: {', '.join(parts) or 'nothing to compare'}"
