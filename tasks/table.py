"""A user's table: columns of text with names, from a CSV or Parquet file.

Every error is one line that says where it is, and what to do.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tasks.contract import Array
from tasks.csv_file import parse_csv
from tasks.errors import MOST, UserError, short, unknown
from tasks.number_text import MISSING, how_to_mend, numbers
from tasks.origins import rows_for_training
from tasks.other_files import PARQUET, parse_parquet, refuse_other_formats
from tasks.reading import Reading
from tasks.time_column import Times, read_times


@dataclass(frozen=True)
class UserTable:
    """A table of text. Each of `rows` has as many values as `names`; row i begins on line `lines[i]` of the file.

    Of a Parquet file, which has no lines, these are the lines that it would have as CSV. reading: how it was read;
    delimiter: what separates its fields, given or found.
    """

    path: str
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    sha256: str
    reading: Reading = field(default_factory=Reading)
    delimiter: str = ","

    def text(self, name: str) -> list[str]:
        """A column as it stands, without white space around its values; UserError for an unknown name."""
        if name not in self.names:
            lone = len(self.names) == 1 and any(mark in self.names[0] for mark in "|: \t")
            hint = "the first line names them"
            if lone:
                hint += "; delete lines above it, and if the columns are separated otherwise, give --delimiter"
            if any(name in map(str.strip, known.split(",")) for known in self.names):  # half of a name
                hint += "; a name with a comma stands in double quotes, within the quotes of the shell: '\"a, b\"'"
            raise UserError(f"{self.path}: {unknown('column', name, self.names, most=MOST)} ({hint})")
        position = self.names.index(name)
        return [row[position].strip() for row in self.rows]

    def numbers(self, name: str, *, infinite: bool = False, target: bool = False) -> Array:
        """A column as `(rows,)` float64, NaN where a value is missing; UserError for text and infinite values.

        infinite: take infinite values as missing. target: whether the column is to be forecast.
        """
        texts, reading = self.text(name), self.reading
        values, wrong = numbers(texts, reading.decimal)
        if wrong is not None:
            text, columns = texts[wrong], {column: self.text(column) for column in self.names}
            mend = how_to_mend(self.path, name, text, columns, (self.delimiter, reading.decimal), target=target)
            raise UserError(f"{self.path}: column {short(name)} has {short(text)} in line {self.lines[wrong]}: {mend}")
        found = np.flatnonzero(np.isinf(values))
        if len(found) and not infinite:
            raise UserError(
                f"{self.path}: column {short(name)} has the infinite value {short(texts[found[0]])} in line "
                f"{self.lines[found[0]]}: with --fill forward it counts as missing"
            )
        values[found] = math.nan
        return values

    def categories(self, name: str) -> list[str | None]:
        """A column of words; None where a value is missing."""
        return [None if text.lower() in MISSING else text for text in self.text(name)]

    def times(self, name: str) -> Times:
        """A time column, in the order of the rows: numbers, or dates as `reading` says."""
        return read_times(self.path, name, self.text(name), self.lines, self.reading)


SHIPPED = Path(__file__).parent / "data"


def table_path(path: str) -> str:
    """The path of a file, or of one in `tasks/data` that is called by its bare name where there is no such file."""
    is_shipped = any(path == file.name for file in SHIPPED.iterdir())
    return str(SHIPPED / path) if is_shipped and not Path(path).exists() else path


def read_table(path: str | Path, reading: Reading | None = None) -> UserTable:
    """Read a CSV file whose first line names the columns (UTF-8, separated by commas, semicolons, tabs, or what
    `reading` says), or a Parquet file.

    Blank lines at the end are dropped. Raises UserError, naming file and line, for a file that is missing, empty, of
    another format, not UTF-8, ragged, badly quoted, without rows, or with a column name that occurs twice.
    """
    reading = reading or Reading()
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise UserError(f"{short(str(path))} {reason}: give the path of a CSV file") from None
    name = str(path)
    refuse_other_formats(name, data)
    parse = parse_parquet if data.startswith(PARQUET) else parse_csv
    parsed = parse(name, data, reading)
    names, rows = tuple(_printable(column) for column in parsed.names), parsed.rows
    for column in names:
        if names.count(column) > 1:
            raise UserError(f"{name} has two columns called {short(column)}: give each its own name in the first line")
    if len(rows) < 2:
        counted = f"{len(rows) or 'no'} row{'s' * (len(rows) != 1)}"
        raise UserError(f"{name} has {counted} below the column names: {rows_for_training()}")
    return UserTable(name, names, rows, parsed.lines, hashlib.sha256(data).hexdigest(), reading, parsed.delimiter)


def _printable(name: str) -> str:
    """A column name on one line, without control characters: it is printed in terminals, tables and pages."""
    return "".join(character for character in " ".join(name.split()) if character.isprintable())
