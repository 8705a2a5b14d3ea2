"""The rows that text and Markdown share: one a cell, what needs attention first."""

from __future__ import annotations

import math

from bench.formatting import number
from bench.gate.comparison import Comparison
from bench.gate.outcome import CellOutcome, Outcome, State

HEADERS = ("cell", "result", "baseline", "now", "change", "95 % interval", "missed")
_ORDER: tuple[State, ...] = ("regressed", "can't compare", "better", "as good", "skipped")


def rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Cells as text, in the order of `HEADERS`."""
    return [_row(cell) for cell in by_state(outcome)]


def by_state(outcome: Outcome) -> list[CellOutcome]:
    """Regressions first; cells of one state as the baseline has them."""
    return sorted(outcome.cells, key=lambda cell: _ORDER.index(cell.state))


def remarks(outcome: Outcome) -> list[str]:
    """A sentence for each cell that a person should look at, then the notes on the whole."""
    cells = [
        f"{cell.name}: {text}"
        for cell in by_state(outcome)
        for text in ([] if cell.state == "as good" and cell.confirmation is None else [cell.why])
        + [f"warning: {warning}" for warning in cell.warnings]
    ]
    return [*cells, *outcome.notes]


def _row(cell: CellOutcome) -> tuple[str, ...]:
    comparison = cell.first
    if comparison is None:
        return (str(cell.name), cell.state, "", "", "", "", "")
    what = "steps" if comparison.measure == "steps" else "loss"
    return (
        str(cell.name),
        cell.state,
        f"{_size(comparison.before, comparison)} {what}",
        _size(comparison.now, comparison),
        _percent(comparison, comparison.shift.value),
        f"{_percent(comparison, comparison.shift.low)} to {_percent(comparison, comparison.shift.high)}"
        if not math.isnan(comparison.shift.value)
        else "",
        f"{comparison.missed_now} of {comparison.n}",
    )


def _size(value: float, comparison: Comparison) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if comparison.measure == "steps" else number(value)


def _percent(comparison: Comparison, difference: float) -> str:
    return "–" if math.isnan(difference) else f"{100 * (comparison.ratio(difference) - 1):+.1f} %"
