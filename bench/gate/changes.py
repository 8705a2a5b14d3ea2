"""The difference between two baselines: cells added and removed, changed configurations, changed convergence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.gate.baseline import Baseline, BaselineCell
from bench.gate.comparison import compare
from bench.gate.describe import describe
from bench.gate.exact import configuration_change, problems
from bench.gate.outcome import CellOutcome
from bench.gate.replicates import CellName
from bench.gate.rule import Rule


@dataclass(frozen=True)
class Changes:
    """The changes from one baseline to another. cells: those in both with the same configuration."""

    added: tuple[CellName, ...]
    removed: tuple[CellName, ...]
    reconfigured: tuple[tuple[CellName, str], ...]
    cells: tuple[CellOutcome, ...]
    environment: tuple[str, ...]
    reasons: tuple[str, ...]


def changes(before: Baseline, after: Baseline) -> Changes:
    """Compare two baselines on all replicates that both have. This reports and never passes or fails a cell."""
    both = [name for name in before.cells if name in after.cells]
    pairs = {name: (before.cells[name], after.cells[name]) for name in both}
    renewed = {name: configuration_change(a.configuration, b.configuration) for name, (a, b) in pairs.items()}
    same = before.fingerprint == after.fingerprint
    return Changes(
        tuple(name for name in after.cells if name not in before.cells),
        tuple(name for name in before.cells if name not in after.cells),
        tuple((name, text) for name, text in renewed.items() if text),
        tuple(_compared(*pairs[name], same_environment=same) for name in both if not renewed[name]),
        tuple(_environment(before.environment, after.environment)),
        tuple(
            f"{reason.date} ({(reason.commit or 'unknown commit')[:12]}): {reason.why}"
            for reason in after.history
            if reason not in before.history
        ),
    )


def _compared(before: BaselineCell, after: BaselineCell, *, same_environment: bool) -> CellOutcome:
    numbers = sorted(before.replicates.keys() & after.replicates.keys())
    new = {number: after.replicates[number] for number in numbers}
    found = compare(before.replicates, new, numbers, Rule())
    exact = tuple(problems(before, after.configuration, new, same_environment=same_environment))
    return CellOutcome(before.name, "as_good", describe(found), found, problems=exact)


def _environment(before: Any, after: Any) -> list[str]:
    """List the parts of the environment that differ, without the commit, which the reasons name."""
    keys = sorted((before.keys() | after.keys()) - {"commit"})
    return [f"{key}: {before.get(key)} → {after.get(key)}" for key in keys if before.get(key) != after.get(key)]


def write_changes(found: Changes) -> str:
    """Write the changes as lines of text, for a terminal or a commit message."""
    lines = [f"added    {name}" for name in found.added]
    lines += [f"removed  {name}" for name in found.removed]
    lines += [f"changed  {name}: {text}" for name, text in found.reconfigured]
    for cell in found.cells:
        lines.append(f"         {cell.name}: {cell.why}")
        lines += [f"           {problem.text}" for problem in cell.problems]
    lines += [f"environment  {text}" for text in found.environment]
    lines += [f"reason   {text}" for text in found.reasons]
    return "\n".join(lines) or "no cells in common, and nothing else to compare"
