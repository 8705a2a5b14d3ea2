"""Decide: train half of the baseline's replicates again, and all of them where a cell is not clearly as good."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.analysis.formatting import counted
from bench.analysis.stats import holm
from bench.gate.baseline import Baseline, Replicates, record_again, record_command
from bench.gate.comparison import CellComparison, compare, is_paired, measure_of
from bench.gate.describe import describe, not_paired
from bench.gate.errors import NotComparable
from bench.gate.exact import ExactProblem, problems
from bench.gate.exceptions import NAME as EXCEPTIONS
from bench.gate.mean_curves import mean_curves
from bench.gate.outcome import CellOutcome, CheckOutcome, State
from bench.gate.replicates import CellName, CellTraining
from bench.gate.rule import ALPHA, CHECKED, GO_ON, Rule
from bench.gate.source import ReplicateSource, chosen, problems_in_float64, without_training
from bench.gate.start import with_equal_starts
from bench.gate.statistics import pooled_p

FIRST = range(1, CHECKED + 1)
REST = range(CHECKED + 1, 2 * CHECKED + 1)
ALL = range(1, 2 * CHECKED + 1)


@dataclass
class _Judged:
    """The results of one cell so far. new: its trainings. first, second: comparisons; p…: adjusted by Holm's method."""

    name: CellName
    rule: Rule
    new: dict[int, CellTraining]
    exact: tuple[ExactProblem, ...]
    first: CellComparison
    second: CellComparison | None = None
    p: float = math.nan
    p_better: float = math.nan
    detectable: float = math.nan

    @property
    def last(self) -> CellComparison:
        return self.second or self.first

    @property
    def is_blocked(self) -> bool:
        """Whether an exact check fails it, so that convergence decides only what it is called."""
        return any(problem.blocking for problem in self.exact)

    @property
    def goes_on(self) -> bool:
        """Whether the first half leaves open that it is worse."""
        first = self.first
        is_open = first.shift.p_worse < GO_ON or first.misses_too_often
        return is_open and first.pairing == "paired" and not self.is_blocked

    @property
    def is_decided_by_test(self) -> bool:
        """Whether it had the comparison that may fail it. If the first half ended the matter, it had none."""
        return self.second is not None or self.first.pairing == "unpaired" or self.is_blocked

    @property
    def p_alone(self) -> float:
        """The p-value of this cell alone."""
        if self.second is None and self.is_decided_by_test:
            return self.first.shift.p_worse
        together = self.second.shift.p_worse if self.second else math.nan
        return float(pooled_p(self.first.shift.p_worse, together))

    @property
    def is_worse(self) -> bool:
        return self.is_decided_by_test and (self.p < ALPHA or self.last.misses_too_often)


def check(
    baseline: Baseline,
    source: ReplicateSource,
    *,
    folder: str,
    only: Iterable[CellName] | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> CheckOutcome:
    """Compare a source with a baseline. only: the cells to compare; None: all.

    A cell fails if all 24 replicates together are worse (Holm over all cells). The other half is trained only if the
    first half leaves that open, which saves time and hardly any power (docs/gate_statistics.md). Raises NotComparable
    if the baseline has fewer replicates.
    """
    if baseline.recorded < len(ALL):
        again = record_command(folder, why="more replicates")
        raise NotComparable(
            f"{folder} has {baseline.recorded} replicates of a cell, a check needs {len(ALL)}: record it again with "
            f"{again}"
        )
    wanted = chosen(baseline, only)
    settled = {name: outcome for name in wanted if (outcome := without_training(baseline, source, name))}
    open_cells = [name for name in wanted if name not in settled]
    same = source.fingerprint == baseline.fingerprint
    judged = _first_look(baseline, source, open_cells, settled, same)
    going_on = [cell for cell in judged if cell.goes_on]
    if going_on:
        note(f"{counted(len(going_on), 'cell')} may be worse: training replicates {REST[0]} to {REST[-1]} as well")
        settled |= _second_look(baseline, source, going_on)
    judged = [cell for cell in judged if cell.name not in settled]
    _adjust(judged)
    for cell in judged:
        settled[cell.name] = _outcome(baseline, cell)
    notes = []
    if not same:
        notes.append(
            "trained in another environment than the baseline: differences that rounding can explain are warnings"
        )
    notes += [text for name in wanted if (text := _without_effect(baseline, name))]
    notes += [f"{folder} has {lack}: {record_again(folder)}" for lack in baseline.lacks]
    return CheckOutcome(folder, source.name, tuple(settled[name] for name in wanted), tuple(notes))


def _without_effect(baseline: Baseline, name: CellName) -> str | None:
    """What to say of an exception whose only margin is of the other measure than the cell is compared by."""
    exception, standard = baseline.exceptions.get(name), Rule()
    if exception is None or exception.skip:
        return None
    wider = [margin for margin, value in vars(exception.rule).items() if value != getattr(standard, margin)]
    by_loss = measure_of(baseline.cells[name].replicates) == "loss"
    used = "loss_margin" if by_loss else "steps_margin"
    if not wider or used in wider:
        return None
    by = "its loss, as it rarely reaches its target" if by_loss else "its steps"
    return f"{wider[0]} of {name} in {EXCEPTIONS} has no effect: the cell is compared by {by}; give {used}"


def _train(
    baseline: Baseline, source: ReplicateSource, cells: Sequence[CellName], numbers: Sequence[int]
) -> dict[CellName, dict[int, CellTraining]]:
    if not cells:
        return {}
    return with_equal_starts(baseline.cells, source.train(cells, numbers), source)


def _first_look(
    baseline: Baseline,
    source: ReplicateSource,
    cells: Sequence[CellName],
    settled: dict[CellName, CellOutcome],
    same_environment: bool,
) -> list[_Judged]:
    """Train the first half of the replicates and compare; a cell that lacks replicates goes into `settled`.

    An unpaired comparison has too little power with half of the replicates, so all of them are trained at once. If the
    source lacks the second half, a cell that an exact check fails is compared on the first: the test decides only
    whether it is called regressed or changed.
    """
    new = _train(baseline, source, cells, FIRST)
    complete = [name for name in cells if not _missing(new.get(name, {}), FIRST)]
    unpaired = [name for name in complete if not is_paired(baseline.cells[name].replicates, new[name], FIRST)]
    for name, replicates in _train(baseline, source, unpaired, REST).items():
        new[name].update(replicates)
    in_float64 = problems_in_float64(baseline, source, complete)
    judged = []
    for name in cells:
        needed = ALL if name in unpaired else FIRST
        exact: list[ExactProblem] = []
        if name in complete:
            now = source.configurations[name]
            exact = problems(baseline.cells[name], now, new[name], same_environment=same_environment)
            exact += in_float64.get(name, [])
        missing = _missing(new.get(name, {}), needed)
        if missing and any(problem.blocking for problem in exact):
            needed, missing = FIRST, []
        if missing:
            settled[name] = CellOutcome(name, "not_comparable", _lacking(source, missing), problems=tuple(exact))
            continue
        exception = baseline.exceptions.get(name)
        rule = exception.rule if exception else Rule()
        first = compare(baseline.cells[name].replicates, new[name], needed, rule)
        judged.append(_Judged(name, rule, new[name], tuple(exact), first))
    return judged


def _second_look(baseline: Baseline, source: ReplicateSource, cells: list[_Judged]) -> dict[CellName, CellOutcome]:
    """Train the other half and compare all. Returns the outcomes of cells that lack these replicates."""
    found = _train(baseline, source, [cell.name for cell in cells], REST)
    lacking = {}
    for cell in cells:
        cell.new |= found.get(cell.name, {})
        missing = _missing(cell.new, REST)
        if missing:
            why = f"{describe(cell.first)}, but {_lacking(source, missing)} to decide it"
            lacking[cell.name] = CellOutcome(cell.name, "not_comparable", why, cell.first, problems=cell.exact)
        else:
            cell.second = compare(baseline.cells[cell.name].replicates, cell.new, ALL, cell.rule)
    return lacking


def _missing(replicates: Replicates, numbers: Sequence[int]) -> list[int]:
    return [number for number in numbers if number not in replicates]


def _lacking(source: ReplicateSource, missing: Sequence[int]) -> str:
    return f"{source.name} has no replicate {', '.join(map(str, missing[:3]))}{', …' if len(missing) > 3 else ''}"


def _adjust(judged: list[_Judged]) -> None:
    """Adjust both p-values for all cells (Holm), and say what each cell's comparison could have detected."""
    worse = holm([cell.p_alone for cell in judged])
    better = holm([cell.last.shift.p_better for cell in judged])
    for cell, p, p_better in zip(judged, worse, better, strict=True):
        cell.p, cell.p_better = float(p), float(p_better)
        cell.detectable = cell.last.detectable(len(ALL), len(judged))


def _outcome(baseline: Baseline, cell: _Judged) -> CellOutcome:
    state, why = _verdict(cell)
    curves = None
    if state in ("regressed", "changed"):
        numbers = range(1, cell.last.n + 1)
        curves = mean_curves(baseline.cells[cell.name].replicates, cell.new, numbers)
    return CellOutcome(cell.name, state, why, cell.first, cell.p, cell.second, cell.exact, cell.detectable, curves)


def _verdict(cell: _Judged) -> tuple[State, str]:
    blocking = [problem for problem in cell.exact if problem.blocking]
    parts = [*(problem.text for problem in blocking), describe(cell.last)]
    if cell.last.pairing == "unpaired":
        parts.append(not_paired(cell.detectable))
    if blocking:
        is_worse = cell.is_worse or not all(problem.change for problem in blocking)
        return "regressed" if is_worse else "changed", "; ".join(parts)
    if cell.is_worse:
        return "regressed", "; ".join(parts)
    if cell.p_better < ALPHA:
        return "better", "; ".join([*parts, "consider a new baseline"])
    if cell.second is not None:
        parts.append(f"the first {CHECKED} alone left open whether it is worse: {describe(cell.first)}")
    return "as_good", "; ".join(parts)
