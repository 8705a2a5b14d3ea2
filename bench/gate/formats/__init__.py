"""Write the outcome of a check: one file per format."""

from __future__ import annotations

from collections.abc import Callable

from bench.gate.formats import as_json, github, junit, markdown, text
from bench.gate.outcome import CheckOutcome

FORMATS: dict[str, Callable[[CheckOutcome], str]] = {
    "text": text.write,
    "markdown": markdown.write,
    "github": github.write,
    "junit": junit.write,
    "json": as_json.write,
}


def write(outcome: CheckOutcome, style: str) -> str:
    """Write the outcome in one of `FORMATS`."""
    return FORMATS[style](outcome)
