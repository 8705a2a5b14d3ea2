"""Read a user's CSV file. Every error is one line that says where it is, and what to do."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError, unknown

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
MISSING = {"", "na", "n/a", "nan", "null", "none"}  # lower case


@dataclass(frozen=True)
class CsvTable:
    """A table of text. Each of `rows` has as many values as `names`; row i begins on line `lines[i]` of the file."""

    path: str
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    sha256: str

    def text(self, name: str) -> list[str]:
        """A column as it stands, without white space around its values; UserError for an unknown name."""
        if name not in self.names:
            raise UserError(
                f"{self.path}: {unknown('column', name, self.names)} (the first line must name the columns)"
            )
        position = self.names.index(name)
        return [row[position].strip() for row in self.rows]

    def numbers(self, name: str) -> Array:
        """A column as `(rows,)` float64, NaN where a value is missing; UserError for text and infinite values."""
        values = np.empty(len(self.rows))
        for i, text in enumerate(self.text(name)):
            values[i] = math.nan if text.lower() in MISSING else self._number(name, self.lines[i], text)
        return values

    def increasing(self, name: str) -> Array:
        """A time column as `(rows,)` float64: numbers as they are, ISO 8601 dates as seconds (UTC where no zone is
        given). UserError where a value is missing, unreadable, or not later than the one before it."""
        texts = self.text(name)
        for text, line in zip(texts, self.lines, strict=True):
            if text.lower() in MISSING:
                raise UserError(f"{self.path}: time column '{name}' has no value in line {line}: fill it in")
        read = self._number if all(_is_number(text) for text in texts) else self._date
        times = np.array([read(name, line, text) for text, line in zip(texts, self.lines, strict=True)])
        for i in np.flatnonzero(np.diff(times) <= 0)[:1]:
            raise UserError(
                f"{self.path}: time column '{name}' must increase, but line {self.lines[i + 1]} has {texts[i + 1]!r} "
                f"after {texts[i]!r}: sort the rows and keep one for each time"
            )
        return times

    def _number(self, name: str, line: int, text: str) -> float:
        if not _is_number(text):
            hint = "write decimals with a point" if _is_number(text.replace(",", ".", 1)) else "expected a number"
            raise UserError(f"{self.path}: column '{name}' has {_short(text)} in line {line}: {hint}")
        if not math.isfinite(float(text)):
            raise UserError(f"{self.path}: column '{name}' has the infinite value {_short(text)} in line {line}")
        return float(text)

    def _date(self, name: str, line: int, text: str) -> float:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise UserError(
                f"{self.path}: time column '{name}' has {_short(text)} in line {line}: expected numbers or ISO dates, "
                "as in 2024-03-31"
            ) from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read_table(path: str | Path) -> CsvTable:
    """Read a CSV file whose first line names the columns; UTF-8, separated by commas, semicolons or tabs.

    Blank lines at the end are dropped. Raises UserError, naming file and line, for a file that is missing, empty, not
    UTF-8, ragged, badly quoted, without rows, or with a column name that occurs twice.
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise UserError(f"{_short(str(path))} {reason}: give the path of a CSV file") from None
    try:
        text = data.decode("utf-8-sig")  # drops the byte order mark that spreadsheets write
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path} is not UTF-8 text (line {line}): save it as CSV with UTF-8 encoding") from None
    if not text.strip():
        raise UserError(f"{path} is empty: expected a line of column names, then one line for each time")
    try:
        records = list(_records(text, _delimiter(text)))
    except csv.Error as error:
        raise UserError(f"{path} is no readable CSV: {error}") from None
    while records and not any(field.strip() for field in records[-1][1]):
        records.pop()
    if not records:
        raise UserError(f"{path} is empty: expected a line of column names, then one line for each time")
    names = tuple(_printable(name) for name in records[0][1])
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path} has two columns called {_short(name)}: give each its own name in the first line")
    rows, lines = [], []
    for line, fields in records[1:]:
        if not fields and len(names) > 1:
            continue  # a blank line; in a table of one column it is a missing value
        row = fields or [""]
        if len(row) != len(names):
            raise UserError(f"{path}: line {line} has {len(row)} fields, but the first line names {len(names)} columns")
        rows.append(row)
        lines.append(line)
    if len(rows) < 2:
        raise UserError(f"{path} has {len(rows)} rows below the column names: a series needs many")
    return CsvTable(str(path), names, rows, lines, hashlib.sha256(data).hexdigest())


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins on (a quoted field may span lines)."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    for fields in reader:
        yield line, fields
        line = reader.line_num + 1


def _delimiter(text: str) -> str:
    """The first delimiter that gives the first two records the same number of columns, more than one; else a comma."""
    for delimiter in DELIMITERS:
        records = _records(text, delimiter)
        try:
            header, row = next(records, (1, [])), next(records, (2, []))
        except csv.Error:
            continue
        if 1 < len(header[1]) == len(row[1]):
            return delimiter
    return ","


def _printable(name: str) -> str:
    """A column name on one line, without control characters: it is printed in terminals, tables and pages."""
    return "".join(character for character in " ".join(name.split()) if character.isprintable())


def _is_number(text: str) -> bool:
    if "_" in text:  # Python reads 1_000 as a number, spreadsheets do not
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _short(text: str) -> str:
    """For a message: quoted, on one line, cut where it is long."""
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
