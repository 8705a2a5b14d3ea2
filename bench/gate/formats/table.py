"""The rows that text and Markdown share: one a cell, what needs attention first."""

from __future__ import annotations

import math

from bench.analysis.formatting import number, seconds
from bench.gate.comparison import Comparison
from bench.gate.outcome import CellOutcome, Outcome, State

HEADERS = ("cell", "result", "baseline", "now", "change", "95 % interval", "missed")
_ORDER: tuple[State, ...] = ("regressed", "changed", "can't compare", "better", "as good", "skipped")


def table(outcome: Outcome) -> list[tuple[str, ...]]:
    """The headers and a row a cell, as text; columns that say nothing of any cell are left out."""
    columns = zip(HEADERS, *(_row(cell) for cell in by_state(outcome)), strict=True)
    return list(zip(*(column for column in columns if any(column[1:])), strict=True))


def by_state(outcome: Outcome) -> list[CellOutcome]:
    """Regressions first; cells of one state as the baseline has them."""
    return sorted(outcome.cells, key=lambda cell: _ORDER.index(cell.state))


def remarks(outcome: Outcome) -> list[str]:
    """A sentence for each cell that a person should look at, then on the whole, and what to do."""
    found = []
    for cell in by_state(outcome):
        if cell.state != "as good" or cell.confirmation is not None:
            found.append(f"{cell.name} {cell.state}: {cell.why}")
        found += [f"{cell.name} warning: {warning}" for warning in cell.warnings]
    if outcome.subject == "convergence":
        record = f'python -m bench baseline record {outcome.baseline} --accept "why"'
        if outcome.count("changed"):
            found.append(
                "a changed cell computes something else, and no worse: where that is meant, raise the version of its "
                f"task or model, or record the baseline again: {record}"
            )
        if outcome.count("regressed"):
            found.append(f"where a regression is meant, say why: {record}")
    return [*found, *outcome.notes]


def _row(cell: CellOutcome) -> tuple[str, ...]:
    comparison = cell.first
    if comparison is None:
        return (str(cell.name), cell.state, "", "", "", "", "")
    what = {"steps": " steps", "loss": " loss", "time": ""}[comparison.measure]
    return (
        str(cell.name),
        cell.state,
        f"{_size(comparison.before, comparison)}{what}",
        _size(comparison.now, comparison),
        _percent(comparison, comparison.shift.value),
        f"{_percent(comparison, comparison.shift.low)} to {_percent(comparison, comparison.shift.high)}"
        if not math.isnan(comparison.shift.value)
        else "",
        "" if comparison.measure == "time" else f"{comparison.missed_now} of {comparison.n}",
    )


def _size(value: float, comparison: Comparison) -> str:
    if math.isnan(value):
        return "–"
    if comparison.measure == "time":
        return seconds(value)
    return f"{value:,.0f}" if comparison.measure == "steps" else number(value)


def _percent(comparison: Comparison, difference: float) -> str:
    if math.isnan(difference):
        return "–"
    percent = round(100 * (comparison.ratio(difference) - 1), 1)
    return f"{percent + 0.0:+.1f} %"  # no −0.0
