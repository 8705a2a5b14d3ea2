"""The outcome of a check: a state for every cell, and one exit code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bench.analysis.formatting import counted
from bench.gate.comparison import CellComparison
from bench.gate.exact import ExactProblem
from bench.gate.mean_curves import MeanCurves
from bench.gate.replicates import CellName

State = Literal["as_good", "better", "changed", "regressed", "not_comparable", "skipped"]
WORDS: dict[State, str] = {  # for people, and their order in tables: what needs attention first
    "regressed": "regressed",
    "changed": "changed",
    "not_comparable": "not comparable",
    "better": "better",
    "as_good": "as good",
    "skipped": "skipped",
}
SUBJECTS = {"convergence": "convergence", "step_time": "step time"}  # for people
EXIT_CODES = {"as_good": 0, "better": 0, "skipped": 0, "changed": 1, "regressed": 1, "not_comparable": 3}


@dataclass(frozen=True)
class CellOutcome:
    """The outcome of one cell. State "changed": it computes something else, and does not converge worse.

    why: a sentence for people. first: the first comparison; second: of all 24 replicates together, made only if the
    first one is not clearly as good (step times: of another timing). p: of "no worse than the margin", adjusted for all
    cells (Holm), from the last comparison; 1 if the first one ended the matter. detectable: the smallest change, as a
    ratio, that this check would have failed with probability `rule.POWER`.
    """

    name: CellName
    state: State
    why: str
    first: CellComparison | None = None
    p: float = math.nan
    second: CellComparison | None = None
    problems: tuple[ExactProblem, ...] = ()
    detectable: float = math.nan
    curves: MeanCurves | None = None

    @property
    def last(self) -> CellComparison | None:
        """The comparison that decided."""
        return self.second or self.first

    @property
    def is_unpaired(self) -> bool:
        return self.first is not None and self.first.pairing == "unpaired"

    @property
    def warnings(self) -> list[str]:
        """The differences from the baseline that do not fail the cell."""
        return [problem.text for problem in self.problems if not problem.blocking]


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of a whole check.

    baseline: the folder as given, or the commit whose step times are compared. notes: sentences about the check as a
    whole. subject: what was compared.
    """

    baseline: str
    checked: str  # what was compared with the baseline: "this code", or an experiment's name
    cells: tuple[CellOutcome, ...]
    notes: tuple[str, ...] = ()
    seconds: float | None = None
    refusal: str | None = None  # why no cell could be compared
    subject: Literal["convergence", "step_time"] = "convergence"

    @property
    def exit_code(self) -> int:
        """1 if a cell regressed or changed, else 3 if a cell could not be compared, else 0."""
        if self.refusal:
            return EXIT_CODES["not_comparable"]
        codes = {EXIT_CODES[cell.state] for cell in self.cells}
        return 1 if 1 in codes else 3 if 3 in codes else 0

    def count(self, state: State) -> int:
        """The number of cells in a state."""
        return sum(cell.state == state for cell in self.cells)

    @property
    def nothing_compared(self) -> bool:
        """Whether exit code 0 says nothing of the code: there is no cell, or every one is skipped."""
        return not self.refusal and self.count("skipped") == len(self.cells)

    @property
    def sentence(self) -> str:
        """The result in one line."""
        if self.refusal:
            return f"{WORDS['not_comparable']}: {self.refusal}"
        parts = [f"{self.count(state)} {words}" for state, words in WORDS.items() if self.count(state)]
        if self.nothing_compared:
            parts.append("nothing was compared")
        return f"{counted(len(self.cells), 'cell')} against {self.baseline}: {', '.join(parts)}"
