"""For a terminal or a log: aligned columns, then sentences."""

from __future__ import annotations

from bench.gate.formats.table import HEADERS, remarks, rows
from bench.gate.outcome import Outcome


def write(outcome: Outcome) -> str:
    lines = []
    if outcome.cells:
        table = [HEADERS, *rows(outcome)]
        widths = [max(len(row[column]) for row in table) for column in range(len(HEADERS))]
        lines = [
            "  ".join(
                cell.ljust(width) if column < 2 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in table
        ]
        lines += ["", *remarks(outcome), *([""] if remarks(outcome) else [])]
    took = "" if outcome.seconds is None else f" ({outcome.seconds:.0f} s)"
    return "\n".join([*lines, f"{outcome.sentence}{took}"])
