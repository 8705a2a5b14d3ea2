"""GitHub workflow commands: an annotation for each cell that needs attention, and Markdown for the job's summary.

An annotation's title is its identifier: `bench TASK/MODEL STATE`, of a warning `bench TASK/MODEL CODE` (`exact.Code`).
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.gate.formats import markdown
from bench.gate.formats.table import by_state
from bench.gate.outcome import CellOutcome, CheckOutcome

_LEVELS = {"regressed": "error", "changed": "error", "not_comparable": "error", "better": "notice"}


def write(outcome: CheckOutcome) -> str:
    """Write the annotations, and append the summary to the file named by GITHUB_STEP_SUMMARY, if it is set."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown.write(outcome) + "\n")
    lines: list[str] = []
    if outcome.refusal:
        lines.append(f"::error title=bench check::{_data(outcome.sentence)}")
    elif outcome.nothing_compared:
        lines.append(f"::warning title=bench check::{_data(outcome.sentence)}")
    for cell in by_state(outcome):
        if cell.state in _LEVELS:
            lines.append(_annotation(_LEVELS[cell.state], cell, cell.state, cell.why))
        elif cell.is_unpaired:
            lines.append(_annotation("warning", cell, "unpaired", cell.why))
        lines += [
            _annotation("warning", cell, problem.code, problem.text)
            for problem in cell.problems
            if not problem.blocking
        ]
    return "\n".join(
        [*lines, " ".join(outcome.sentence.split())]
    )  # on one line: a second line might be read as a command


def _annotation(level: str, cell: CellOutcome, what: str, text: str) -> str:
    return f"::{level} title={_property(f'bench {cell.name.id} {what}')}::{_data(text)}"


def _data(text: str) -> str:
    """Escape a message for a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
