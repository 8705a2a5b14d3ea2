"""`bench check --quick`: compare the first steps in float64 alone, which takes seconds."""

from __future__ import annotations

from collections.abc import Iterable

from bench.gate.baseline import Baseline, record_again
from bench.gate.errors import NotComparable
from bench.gate.outcome import CellOutcome, CheckOutcome, State
from bench.gate.replicates import CellName
from bench.gate.source import ReplicateSource, chosen, problems_in_float64, without_training

SAME = "the first steps are the same in float64"


def check_quickly(
    baseline: Baseline, source: ReplicateSource, *, folder: str, only: Iterable[CellName] | None = None
) -> CheckOutcome:
    """Compare the first steps in float64, and the NumPy cells with torch's.

    It does not compare how fast training converges. Raises NotComparable for a baseline without traces.
    """
    if not baseline.has_traces:
        raise NotComparable(f"{folder} has no first steps in float64, which --quick compares: {record_again(folder)}")
    wanted = chosen(baseline, only)
    settled = {name: outcome for name in wanted if (outcome := without_training(baseline, source, name))}
    for name in wanted:
        if not baseline.cells[name].traces:
            why = "the baseline has none of its first steps in float64"
            settled.setdefault(name, CellOutcome(name, "not_comparable", why))
    open_cells = [name for name in wanted if name not in settled]
    found = problems_in_float64(baseline, source, open_cells)
    for name in open_cells:
        exact = tuple(found.get(name, ()))
        why = "; ".join(problem.text for problem in exact if problem.blocking)
        state: State = "changed" if all(problem.change for problem in exact) else "regressed"
        settled[name] = CellOutcome(name, state if why else "as_good", why or SAME, problems=exact)
    notes = ("only the first steps were compared, in float64; the speed of convergence was not",)
    return CheckOutcome(folder, source.name, tuple(settled[name] for name in wanted), notes)
