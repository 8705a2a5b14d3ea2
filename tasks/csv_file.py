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

_LOOKED_AT = 2  # records, to find the delimiter: the names and a row


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
        delimiter = reading.delimiter or _delimiter(data)
        return _parse(path, data, delimiter)
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is not UTF-8 text (line {_first_wrong_line(data)}): save it as CSV with UTF-8 encoding; in "
            f"pandas: pandas.read_csv({path!r}, encoding='latin-1', sep=None, engine='python')"
            ".to_csv('mended.csv', index=False)"
        ) from None
    except csv.Error as error:
        raise UserError(f"{path} is no readable CSV: {error}") from None


def _parse(path: str, data: bytes, delimiter: str) -> ParsedFile:
    names: list[str] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    blank: list[tuple[int, list[str]]] = []  # records without content: dropped where nothing follows
    for line, fields in _records(data, delimiter):
        if names is not None and not any(map(str.strip, fields)):
            blank.append((line, fields))
            continue
        if names is None:
            names = fields
            continue
        for here, row in (*blank, (line, fields)):
            if not row and len(names) > 1:
                continue  # a blank line; in a table of one column it is a missing value
            if len(row or [""]) != len(names):
                _refuse_ragged(path, here, row or [""], names, delimiter)
            rows.append(row or [""])
            lines.append(here)
        blank = []
    if names is None or not (rows or any(name.strip() for name in names)):
        raise UserError(f"{path} is empty: expected a line of column names, then one line for each time")
    return ParsedFile(names, rows, lines, delimiter)


def _first_wrong_line(data: bytes) -> int:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return data[: error.start].count(b"\n") + 1
    return 1


def _refuse_ragged(path: str, line: int, row: list[str], names: list[str], delimiter: str) -> None:
    where = f"{path}: line {line} has {len(row)} fields, but the first line names {len(names)} columns"
    if delimiter == "," and len(row) > len(names):
        raise UserError(f"{where}: a field with a comma must stand in double quotes, or fields be separated by ';'")
    if len(names) == 1:
        raise UserError(f"{where}: if the first lines are a comment, delete them; else give --delimiter")
    raise UserError(f"{where}: fill in or take out fields there")


def _records(data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins on (a quoted field may span lines).

    The text is decoded as it is read, as a copy of all of it would take four times the memory of the file. The byte
    order mark that spreadsheets write is dropped.
    """
    reader = csv.reader(
        io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline=""), delimiter=delimiter, strict=True
    )
    line = 1
    for fields in reader:
        yield line, fields
        line = reader.line_num + 1


def _delimiter(data: bytes) -> str:
    """The delimiter that gives the first records the same number of columns, the largest; a comma where none does.

    The largest: decimal commas may cut all lines of a file alike whose fields are separated by semicolons.
    """
    best, most = ",", 1
    for delimiter in DELIMITERS:
        try:
            counts = {len(fields) for _, fields in islice(_records(data, delimiter), _LOOKED_AT) if fields}
        except csv.Error:
            continue
        if len(counts) == 1 and max(counts) > most:
            best, most = delimiter, max(counts)
    return best
