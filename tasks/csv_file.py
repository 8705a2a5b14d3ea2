"""CSV text as rows of fields, with the line that each row begins on.

By the standard library, not by pandas: its parser renames columns that occur twice, fills short rows, and does not say
on which line of the file a value stands.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tasks.errors import UserError
from tasks.reading import DELIMITERS, Reading


@dataclass(frozen=True)
class ParsedFile:
    """`lines`: the line of the file that each row begins on. delimiter: what separates its fields."""

    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str


def parse_csv(path: str, data: bytes, reading: Reading) -> ParsedFile:
    """The fields of a file's content. UserError, naming the line, for one that is no table."""
    try:
        text = data.decode("utf-8-sig")  # drops the byte order mark that spreadsheets write
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path} is not UTF-8 text (line {line}): save it as CSV with UTF-8 encoding; in pandas: "
            f"pandas.read_csv({path!r}, encoding='latin-1').to_csv('mended.csv', index=False)"
        ) from None
    empty = f"{path} is empty: expected a line of column names, then one line for each time"
    if not text.strip():
        raise UserError(empty)
    try:
        delimiter = reading.delimiter or _delimiter(text)
        records = list(_records(text, delimiter))
    except csv.Error as error:
        raise UserError(f"{path} is no readable CSV: {error}") from None
    while records and not any(field.strip() for field in records[-1][1]):
        records.pop()
    if not records:
        raise UserError(empty)
    names = records[0][1]
    rows, lines = [], []
    for line, fields in islice(records, 1, None):
        if not fields and len(names) > 1:
            continue  # a blank line; in a table of one column it is a missing value
        row = fields or [""]
        if len(row) != len(names):
            _refuse_ragged(path, line, row, names, delimiter)
        rows.append(row)
        lines.append(line)
    return ParsedFile(names, rows, lines, delimiter)


def _refuse_ragged(path: str, line: int, row: list[str], names: list[str], delimiter: str) -> None:
    where = f"{path}: line {line} has {len(row)} fields, but the first line names {len(names)} columns"
    if delimiter == "," and len(row) > len(names):
        raise UserError(f"{where}: a field with a comma must stand in double quotes, or fields be separated by ';'")
    if len(names) == 1:
        raise UserError(f"{where}: if the first lines are a comment, delete them; else give --delimiter")
    raise UserError(f"{where}: fill in or take out fields there")


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
