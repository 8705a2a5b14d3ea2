"""A message about files and flags, in the words of somebody who gave a DataFrame and keyword arguments."""

from __future__ import annotations

import re
import typing
from functools import partial
from pathlib import Path

from bench.config.options import OPTIONS, Options, flag

FRAME = "the DataFrame"
_HEADER = 2  # the line of a CSV file in which its first row of data stands
_LINES = re.compile(r"\b(lines?) (\d+(?:, \d+)*)")
_REWRITTEN = re.compile(r"; in pandas: pandas\.read_csv\(.*?\.to_csv\([^)]*\)")  # how to mend a file
_COMMAND = re.compile(r"(python -m bench [^;:)]*)")
_VALUE = r"'[^']*'|[A-Z]\w*(?:,[A-Z]\w*)*|\d[\w-]*(?:\.\d+)?"


def in_python(text: str, path: Path) -> str:
    """The message, where `--fill forward` is `fill="forward"`, and lines of the file at `path` are rows, from 0 on.

    A command that it names stays as it is typed.
    """
    parts = _COMMAND.split(text)  # what is said and commands, in turn
    return "".join(part if i % 2 else _said(part, path) for i, part in enumerate(parts))


def _said(text: str, path: Path) -> str:
    text = _REWRITTEN.sub("; .str.replace and pandas.to_numeric make numbers of text", text)
    text = text.replace(" (the first line names them)", "")
    for name in (str(path), path.name):
        text = text.replace(name, FRAME)
    text = _LINES.sub(_rows, text)
    for key in sorted(OPTIONS, key=len, reverse=True):
        text = re.sub(rf"{flag(key)}(?![\w-])(?:[ =]({_values(key)})(?![\w-]))?", partial(_argument, key), text)
    return text


def _rows(found: re.Match[str]) -> str:
    rows = [str(int(line) - _HEADER) for line in found[2].split(", ")]
    return f"row{'s' * (found[1] == 'lines')} {', '.join(rows)}"


def _values(key: str) -> str:
    """What may be the value of an option in a message, as a regular expression: its choices, a number, `A,B`."""
    kinds = typing.get_type_hints(Options)[key]
    choices = [choice for kind in (kinds, *typing.get_args(kinds)) for choice in typing.get_args(kind)]
    return "|".join([*(choice for choice in choices if isinstance(choice, str)), _VALUE])


def _argument(key: str, found: re.Match[str]) -> str:
    value: str | None = found[1]
    if not OPTIONS[key].metavar:
        return f"{key}=True" + (f" {value}" if value else "")
    if value is None:
        return key
    return f"{key}={value}" if re.fullmatch(r"\d+(\.\d+)?", value) else f'{key}="{value.strip(chr(39))}"'
