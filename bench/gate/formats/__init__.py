"""How a check's outcome is written: one file a format."""

from __future__ import annotations

from collections.abc import Callable

from bench.gate.formats import as_json, github, junit, markdown, text
from bench.gate.outcome import Outcome

FORMATS: dict[str, Callable[[Outcome], str]] = {
    "text": text.write,
    "markdown": markdown.write,
    "github": github.write,
    "junit": junit.write,
    "json": as_json.write,
}


def write(outcome: Outcome, style: str) -> str:
    """The outcome in one of `FORMATS`."""
    return FORMATS[style](outcome)
