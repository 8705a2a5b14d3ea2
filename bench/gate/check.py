"""Decide: train half of the baseline's replicates again, compare, and confirm suspect cells on the other half."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.analysis.stats import holm
from bench.gate.baseline import Baseline, Replicates
from bench.gate.comparison import CellComparison, compare, is_paired
from bench.gate.errors import NotComparable
from bench.gate.exact import ExactProblem, configuration_change, problems, trace_problems
from bench.gate.outcome import CellOutcome, CheckOutcome, State
from bench.gate.replicates import CellName
from bench.gate.rule import ALPHA, CHECKED, Rule
from bench.gate.trace import Trace

SAME = "the first steps are the same in float64"
MEASURES = {"steps": "steps to target", "loss": "mean loss over the budget", "time": "time of a training step"}


class ReplicateSource(Protocol):
    """Provides the replicates that a check compares: from this code, or from a finished experiment."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the environment that it trains in; None if unknown."""
        ...

    @property
    def configurations(self) -> Mapping[CellName, Mapping[str, Any]]:
        """The configuration of every cell that it can provide."""
        ...

    def train(self, cells: Sequence[CellName], numbers: Sequence[int]) -> Mapping[CellName, Replicates]:
        """Provide these replicates of these cells; replicates that are not available are left out."""
        ...

    def traces(self, cells: Sequence[CellName]) -> Mapping[CellName, Mapping[int, Trace]]:
        """Provide the first steps of some replicates in float64; a source that cannot run the code has none."""
        ...

    def exact_problems(self, cells: Sequence[CellName]) -> Mapping[CellName, list[ExactProblem]]:
        """Find cells whose results differ from those of a cell that computes the same function."""
        ...


@dataclass
class _Judged:
    """The results of one cell so far. first, confirmation: the comparisons; p…: adjusted by Holm's method."""

    name: CellName
    rule: Rule
    exact: tuple[ExactProblem, ...]
    first: CellComparison
    p: float = math.nan
    p_better: float = math.nan
    confirmation: CellComparison | None = None
    p_confirmed: float = math.nan

    def looks_worse(self, comparison: CellComparison, p: float) -> bool:
        return p < ALPHA or comparison.misses_too_often


def check(
    baseline: Baseline,
    source: ReplicateSource,
    *,
    folder: str,
    only: Iterable[CellName] | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> CheckOutcome:
    """Compare a source with a baseline. only: the cells to compare; None: all.

    Raises NotComparable if the baseline has fewer replicates than a check with confirmation needs.
    """
    if baseline.recorded < 2 * CHECKED:
        raise NotComparable(
            f"{folder} has {baseline.recorded} replicates of a cell, a check needs {2 * CHECKED}: record it again with "
            f'python -m bench baseline record {folder} --accept "more replicates"'
        )
    wanted = [name for name in baseline.cells if only is None or name in set(only)]
    settled = {name: outcome for name in wanted if (outcome := _without_training(baseline, source, name))}
    open_cells = [name for name in wanted if name not in settled]
    same = source.fingerprint == baseline.fingerprint
    judged = _first_look(baseline, source, open_cells, settled, same)
    _adjust(judged)
    suspects = [cell for cell in judged if not _blocked(cell) and cell.looks_worse(cell.first, cell.p)]
    unconfirmed = [cell for cell in suspects if cell.first.pairing == "paired"]
    if unconfirmed:
        note(f"{len(unconfirmed)} cells look worse: training replicates {CHECKED + 1} to {2 * CHECKED} to confirm")
        settled |= _confirm(baseline, source, unconfirmed)
    for cell in judged:
        settled.setdefault(cell.name, _outcome(cell))
    notes = []
    if not same:
        notes.append(
            "trained in another environment than the baseline: differences that rounding can explain are warnings"
        )
    if not baseline.has_traces:
        lack = "no first steps in float64, which would show a change on any machine"
        notes.append(f"{folder} has {lack}: {record_again(folder)}")
    return CheckOutcome(folder, source.name, tuple(settled[name] for name in wanted), tuple(notes))


def _without_training(baseline: Baseline, source: ReplicateSource, name: CellName) -> CellOutcome | None:
    """Return the outcome of a cell that is skipped or cannot be compared; None if it has to be trained."""
    exception = baseline.exceptions.get(name)
    if exception is not None and exception.skip:
        return CellOutcome(name, "skipped", exception.reason)
    now = source.configurations.get(name)
    if now is None:
        return CellOutcome(name, "not_comparable", f"{source.name} has no such cell")
    changed = configuration_change(baseline.cells[name].configuration, now)
    return CellOutcome(name, "not_comparable", changed) if changed else None


def _first_look(
    baseline: Baseline,
    source: ReplicateSource,
    cells: Sequence[CellName],
    settled: dict[CellName, CellOutcome],
    same_environment: bool,
) -> list[_Judged]:
    """Train the first half of the replicates and compare; a cell that lacks replicates goes into `settled`.

    An unpaired comparison has too little power with half of the replicates, so all of them are trained at once.
    """
    numbers, rest = range(1, CHECKED + 1), range(CHECKED + 1, 2 * CHECKED + 1)
    new = {name: dict(replicates) for name, replicates in source.train(cells, numbers).items()} if cells else {}
    complete = [name for name in cells if all(number in new.get(name, {}) for number in numbers)]
    unpaired = [name for name in complete if not is_paired(baseline.cells[name].replicates, new[name], numbers)]
    for name, replicates in (source.train(unpaired, rest) if unpaired else {}).items():
        new[name].update(replicates)
    twins = _exactly(baseline, source, complete)
    judged = []
    for name in cells:
        needed = [*numbers, *rest] if name in unpaired else list(numbers)
        missing = [number for number in needed if number not in new.get(name, {})]
        if missing:
            settled[name] = CellOutcome(name, "not_comparable", _lacking(source, missing))
            continue
        cell, exception = baseline.cells[name], baseline.exceptions.get(name)
        rule = exception.rule if exception else Rule()
        exact = problems(cell, source.configurations[name], new[name], same_environment=same_environment)
        first = compare(cell.replicates, new[name], needed, rule)
        judged.append(_Judged(name, rule, (*exact, *twins.get(name, [])), first))
    return judged


def _exactly(
    baseline: Baseline, source: ReplicateSource, cells: Sequence[CellName]
) -> dict[CellName, list[ExactProblem]]:
    """Find, by cell, the differences in float64, which rounding does not explain."""
    if not cells:
        return {}
    found = {name: list(problems) for name, problems in source.exact_problems(cells).items()}
    traced = [name for name in cells if baseline.cells[name].traces]
    for name, traces in (source.traces(traced) if traced else {}).items():
        found.setdefault(name, []).extend(trace_problems(baseline.cells[name], source.configurations[name], traces))
    return found


def check_quickly(
    baseline: Baseline, source: ReplicateSource, *, folder: str, only: Iterable[CellName] | None = None
) -> CheckOutcome:
    """Compare the first steps in float64, and the NumPy cells with torch's. This takes seconds.

    It does not compare how fast training converges. Raises NotComparable for a baseline without traces.
    """
    if not baseline.has_traces:
        raise NotComparable(f"{folder} has no first steps in float64, which --quick compares: {record_again(folder)}")
    wanted = [name for name in baseline.cells if only is None or name in set(only)]
    settled = {name: outcome for name in wanted if (outcome := _without_training(baseline, source, name))}
    for name in wanted:
        if not baseline.cells[name].traces:
            why = "the baseline has none of its first steps in float64"
            settled.setdefault(name, CellOutcome(name, "not_comparable", why))
    open_cells = [name for name in wanted if name not in settled]
    found = _exactly(baseline, source, open_cells)
    for name in open_cells:
        exact = tuple(found.get(name, ()))
        why = "; ".join(problem.text for problem in exact if problem.blocking)
        state: State = "changed" if all(problem.change for problem in exact) else "regressed"
        settled[name] = CellOutcome(name, state if why else "as_good", why or SAME, problems=exact)
    notes = ("only the first steps were compared, in float64; the speed of convergence was not",)
    return CheckOutcome(folder, source.name, tuple(settled[name] for name in wanted), notes)


def record_again(folder: str) -> str:
    """Say how to record the baseline of a folder once more."""
    return f'record it again with python -m bench baseline record {folder} --accept "why"'


def _lacking(source: ReplicateSource, missing: Sequence[int]) -> str:
    return f"{source.name} has no replicate {', '.join(map(str, missing[:3]))}{', …' if len(missing) > 3 else ''}"


def _adjust(judged: list[_Judged]) -> None:
    """Adjust both p-values of the first comparison for all cells (Holm)."""
    worse = holm([cell.first.shift.p_worse for cell in judged])
    better = holm([cell.first.shift.p_better for cell in judged])
    for cell, p, p_better in zip(judged, worse, better, strict=True):
        cell.p, cell.p_better = float(p), float(p_better)


def _confirm(baseline: Baseline, source: ReplicateSource, suspects: list[_Judged]) -> dict[CellName, CellOutcome]:
    """Compare the other half of the replicates. Returns the outcomes of cells that lack these replicates."""
    numbers = range(CHECKED + 1, 2 * CHECKED + 1)
    new = source.train([cell.name for cell in suspects], numbers)
    lacking = {}
    for cell in suspects:
        missing = [number for number in numbers if number not in new.get(cell.name, {})]
        if missing:
            why = f"{describe(cell.first)}, but {_lacking(source, missing)} to confirm it"
            lacking[cell.name] = CellOutcome(cell.name, "not_comparable", why, cell.first, cell.p, None, cell.exact)
        else:
            cell.confirmation = compare(baseline.cells[cell.name].replicates, new[cell.name], numbers, cell.rule)
    confirmed = [cell for cell in suspects if cell.confirmation is not None]
    ps = holm([cell.confirmation.shift.p_worse for cell in confirmed if cell.confirmation is not None])
    for cell, p in zip(confirmed, ps, strict=True):
        cell.p_confirmed = float(p)
    return lacking


def _blocked(cell: _Judged) -> bool:
    return any(problem.blocking for problem in cell.exact)


def _outcome(cell: _Judged) -> CellOutcome:
    def outcome(state: State, why: str) -> CellOutcome:
        return CellOutcome(cell.name, state, why, cell.first, cell.p, cell.confirmation, cell.exact)

    blocking = [problem.text for problem in cell.exact if problem.blocking]
    numbers = describe(cell.first)
    if blocking:
        worse = cell.looks_worse(cell.first, cell.p) or not all(p.change for p in cell.exact if p.blocking)
        return outcome("regressed" if worse else "changed", "; ".join([*blocking, numbers]))
    if cell.looks_worse(cell.first, cell.p):
        if cell.confirmation is None:
            return outcome("regressed", f"{numbers}; not paired, so with less power to detect small losses")
        again = describe(cell.confirmation)
        if cell.looks_worse(cell.confirmation, cell.p_confirmed):
            return outcome("regressed", f"{numbers}; confirmed on other replicates: {again}")
        return outcome("as_good", f"{numbers}, which other replicates did not confirm: {again}")
    if cell.p_better < ALPHA:
        return outcome("better", f"{numbers}: consider a new baseline")
    return outcome(
        "as_good", numbers + ("; not paired, so with less power" if cell.first.pairing == "unpaired" else "")
    )


def describe(comparison: CellComparison) -> str:
    """Describe the change, for example `steps to target +12.0 % (95 % interval +8.0 to +15.0 %)`."""
    parts = []
    if not math.isnan(comparison.shift.value):
        percent = [100 * (comparison.ratio(v) - 1) for v in comparison.shift[:3]]
        what = MEASURES[comparison.measure]
        parts.append(f"{what} {percent[0]:+.1f} % (95 % interval {percent[1]:+.1f} to {percent[2]:+.1f} %)")
    if comparison.newly_missed:
        parts.append(f"{comparison.newly_missed} of {comparison.n} replicates newly miss the target")
    return ", ".join(parts) or "no replicate reaches the target, before or now"
