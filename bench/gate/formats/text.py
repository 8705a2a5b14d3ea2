"""Plain text for a terminal or a log: aligned columns, then sentences."""

from __future__ import annotations

from collections.abc import Callable

from bench.gate.formats.table import by_state, remarks, table
from bench.gate.outcome import CheckOutcome, State
from bench.records.plain import plain

LEFT = 2  # columns of words, aligned to the left; numbers are aligned to the right
Paint = Callable[[str, State | None], str]


def write(outcome: CheckOutcome, paint: Paint = lambda text, state: text) -> str:
    """Write the outcome as text. paint: colours a line by its cell's state (None for the headers)."""
    lines = []
    if outcome.cells:
        states = [None, *(cell.state for cell in by_state(outcome))]
        lines = [paint(line, state) for line, state in zip(_aligned(table(outcome)), states, strict=True)]
        said = [plain(remark) for remark in remarks(outcome)]
        lines += ["", *said, *([""] if said else [])]
    took = "" if outcome.seconds is None or outcome.refusal else f" ({outcome.seconds:.0f} s)"
    ends: dict[int, State] = {0: "as_good", 1: "regressed", 3: "not_comparable"}
    return "\n".join(
        [*lines, paint(f"{outcome.sentence}{took}", ends[3 if outcome.nothing_compared else outcome.exit_code])]
    )


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column < LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
