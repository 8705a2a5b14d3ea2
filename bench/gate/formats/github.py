"""For a GitHub workflow: an annotation a cell on stdout, and the Markdown in the job's summary."""

from __future__ import annotations

import os
from pathlib import Path

from bench.gate.formats import markdown
from bench.gate.formats.table import by_state
from bench.gate.outcome import Outcome

_LEVELS = {"regressed": "error", "can't compare": "error", "better": "notice"}


def write(outcome: Outcome) -> str:
    """The annotations. The summary is appended to the file that GITHUB_STEP_SUMMARY names, where there is one."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown.write(outcome) + "\n")
    lines = []
    if outcome.refusal:
        lines.append(f"::error title=bench check::{_data(outcome.sentence)}")
    for cell in by_state(outcome):
        title = f"title={_property(f'{cell.name} {cell.state}')}"
        if cell.state in _LEVELS:
            lines.append(f"::{_LEVELS[cell.state]} {title}::{_data(cell.why)}")
        lines += [f"::warning {title}::{_data(text)}" for text in cell.warnings]
    return "\n".join([*lines, " ".join(outcome.sentence.split())])  # in one line: a second might be a command


def _data(text: str) -> str:
    """A message as workflow commands want it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
