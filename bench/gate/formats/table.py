"""The table that text and Markdown share: one row for each cell, those that need attention first."""

from __future__ import annotations

import math

from bench.analysis.formatting import number, seconds
from bench.gate.baseline import record_command
from bench.gate.comparison import CellComparison
from bench.gate.outcome import WORDS, CellOutcome, CheckOutcome

HEADERS = ("cell", "result", "baseline", "now", "change", "95 % interval", "missed", "detectable")
_ORDER = list(WORDS)


def table(outcome: CheckOutcome) -> list[tuple[str, ...]]:
    """The headers and a row for each cell, as text; columns that are empty for all cells are left out."""
    columns = zip(HEADERS, *(_row(cell) for cell in by_state(outcome)), strict=True)
    return list(zip(*(column for column in columns if any(column[1:])), strict=True))


def by_state(outcome: CheckOutcome) -> list[CellOutcome]:
    """Sort cells by state, regressions first; cells of one state keep the baseline's order."""
    return sorted(outcome.cells, key=lambda cell: _ORDER.index(cell.state))


def remarks(outcome: CheckOutcome) -> list[str]:
    """Sentences for people: one for each cell that needs attention, the next step, and notes on the whole check."""
    found = []
    for cell in by_state(outcome):
        if cell.state != "as_good" or cell.second is not None or cell.is_unpaired:
            found.append(f"{cell.name} {WORDS[cell.state]}: {cell.why}")
        found += [f"{cell.name} warning: {warning}" for warning in cell.warnings]
    if outcome.subject == "convergence":
        record = record_command(outcome.baseline)
        if outcome.count("changed"):
            compared = any(cell.state == "changed" and cell.last is not None for cell in outcome.cells)
            found.append(
                f"a changed cell computes something else{', and was not found to converge worse' * compared}: if "
                f"that is intended, raise the version of its task or model, or record the baseline again: {record}"
            )
        if outcome.count("regressed"):
            found.append(f"if a regression is intended, record it with its reason: {record}")
    return [*found, *outcome.notes]


def _row(cell: CellOutcome) -> tuple[str, ...]:
    comparison = cell.last
    if comparison is None:
        return (str(cell.name), WORDS[cell.state], *[""] * (len(HEADERS) - 2))
    what = " steps" if comparison.is_of_steps else " loss" if comparison.measure == "loss" else ""
    return (
        str(cell.name),
        WORDS[cell.state],
        f"{_size(comparison.before, comparison)}{what}",
        _size(comparison.now, comparison),
        _percent(comparison.change),
        f"{_percent(comparison.ratio(comparison.shift.low))} to {_percent(comparison.ratio(comparison.shift.high))}"
        if not math.isnan(comparison.shift.value)
        else "",
        "" if comparison.measure == "time" else f"{comparison.missed_now} of {comparison.n}",
        "" if math.isnan(cell.detectable) else _percent(cell.detectable),
    )


def _size(value: float, comparison: CellComparison) -> str:
    if math.isnan(value):
        return "–"
    if comparison.measure == "time":
        return seconds(value)
    return f"{value:,.0f}" if comparison.is_of_steps else number(value)


def _percent(ratio: float) -> str:
    if math.isnan(ratio):
        return "–"
    percent = round(100 * (ratio - 1), 1)
    return f"{percent + 0.0:+.1f} %"  # + 0.0 turns −0.0 into 0.0
