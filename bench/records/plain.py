"""Text from others stays text: no control characters in a terminal, no formulas in a spreadsheet."""

from __future__ import annotations

import re
from typing import Any

# C0 but the newline, DEL, C1, what turns the direction of writing round, and halves of characters
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# how these may stand in JSON text: as escapes, or as UTF-8
_IN_JSON = re.compile(
    rb"\\[bfrt]|\\u00[01789]|\\u061|\\u20|\\ud[89a-f]|[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xaa-\xae]"
    rb"|\xe2\x81[\xa6-\xa9]",
    re.IGNORECASE,
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    """Text without control characters: a tab becomes a space, a newline stays, everything else disappears."""
    return _CONTROL.sub("", text.replace("\t", " "))


def may_control(json_text: bytes) -> bool:
    """Whether JSON may hold control characters: asked first, since hardly any does."""
    return _IN_JSON.search(json_text) is not None


def plain_values(value: Any) -> Any:
    """A JSON value with every text in it, keys too, as `plain` leaves it."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [plain_values(entry) for entry in value]
    if isinstance(value, dict):
        return {plain(key): plain_values(entry) for key, entry in value.items()}
    return value


def guarded(text: str) -> str:
    """A text cell of a CSV file that no spreadsheet takes for a formula.

    One that begins with = + - @, a tab or a carriage return gets an apostrophe in front, and so does one that begins
    with an apostrophe, so that `unguarded` gives every text back.
    """
    return f"'{text}" if text.startswith((*_FORMULA, "'")) else text


def unguarded(cell: Any) -> Any:
    """What was guarded; other values as they are: `pandas.read_csv(path).map(unguarded)`."""
    return cell.removeprefix("'") if isinstance(cell, str) else cell
