"""GitHub workflow commands: an annotation for each cell that needs attention, and Markdown for the job's summary."""

from __future__ import annotations

import os
from pathlib import Path

from bench.gate.formats import markdown
from bench.gate.formats.table import by_state
from bench.gate.outcome import WORDS, CheckOutcome

_LEVELS = {"regressed": "error", "not_comparable": "error", "better": "notice"}


def write(outcome: CheckOutcome) -> str:
    """Write the annotations, and append the summary to the file named by GITHUB_STEP_SUMMARY, if it is set."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown.write(outcome) + "\n")
    lines = []
    if outcome.refusal:
        lines.append(f"::error title=bench check::{_data(outcome.sentence)}")
    for cell in by_state(outcome):
        title = f"title={_property(f'{cell.name} {WORDS[cell.state]}')}"
        if cell.state in _LEVELS:
            lines.append(f"::{_LEVELS[cell.state]} {title}::{_data(cell.why)}")
        lines += [f"::warning {title}::{_data(text)}" for text in cell.warnings]
    return "\n".join(
        [*lines, " ".join(outcome.sentence.split())]
    )  # on one line: a second line might be read as a command


def _data(text: str) -> str:
    """Escape a message for a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
