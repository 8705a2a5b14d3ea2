"""Where a check gets replicates from, and what it can tell of a cell without training it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from bench.gate.baseline import Baseline, Replicates
from bench.gate.exact import ExactProblem, configuration_change, trace_problems
from bench.gate.outcome import CellOutcome
from bench.gate.replicates import CellName
from bench.gate.start import SketchSource
from bench.gate.trace import Trace


class ReplicateSource(SketchSource, Protocol):
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


def chosen(baseline: Baseline, only: Iterable[CellName] | None) -> list[CellName]:
    """The baseline's cells that are to be compared; None: all."""
    wanted = None if only is None else set(only)
    return [name for name in baseline.cells if wanted is None or name in wanted]


def without_training(baseline: Baseline, source: ReplicateSource, name: CellName) -> CellOutcome | None:
    """The outcome of a cell that is skipped or cannot be compared; None if it has to be trained."""
    exception = baseline.exceptions.get(name)
    if exception is not None and exception.skip:
        return CellOutcome(name, "skipped", exception.reason)
    now = source.configurations.get(name)
    if now is None:
        return CellOutcome(name, "not_comparable", f"{source.name} has no such cell")
    changed = configuration_change(baseline.cells[name].configuration, now)
    return CellOutcome(name, "not_comparable", changed) if changed else None


def problems_in_float64(
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
