"""Tables with the rows of several series, one for each machine, shop or station: which column tells them apart.

Sorted, and with one row kept of each time, such a table would become one series of rows from all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.errors import short
from tasks.number_text import is_missing, plain_numbers
from tasks.reading import Selection
from tasks.table import UserTable
from tasks.time_column import is_date

ROWS_OF_A_TIME = 1.3  # on average, at least: a few repeated rows are mistakes, and no second series
_IDENTIFIER = re.compile(r"(?:^|.*[^A-Za-z])[iI][dD]|.*[a-z](?:Id|ID)")  # of numbers: machine_id, shopId
_CLOCK = re.compile(r"\d{1,2}:\d\d.*")  # the hours of a day: rows of one series


def several_series(table: UserTable, selection: Selection) -> str | None:
    """What to do about a table of which a column tells rows of one time apart; None for one with a single series."""
    time = table.reading.time
    for dates in (time,) if time is not None else _columns_of_dates(table, selection):
        repeated = table.text(dates)
        if len(repeated) < ROWS_OF_A_TIME * len(set(repeated)):
            continue
        for name in table.names:
            if name not in (dates, *selection.targets) and _tells_apart(name, table.text(name), repeated):
                return (
                    f"{short(name)} tells rows of one {short(dates)} apart: several series? Split the file by "
                    f"{short(name)}, or give each its own column; in pandas: {_pivoted(table, dates, name, selection)}"
                )
    return None


def _columns_of_dates(table: UserTable, selection: Selection) -> list[str]:
    """The columns that would be the time, where none was named."""
    first = zip(table.names, table.rows[0], strict=True)
    return [name for name, text in first if name not in selection.inputs and is_date(text.strip())]


def _tells_apart(name: str, texts: Sequence[str], times: Sequence[str]) -> bool:
    kinds = set(texts)
    if not 2 <= len(kinds) <= len(texts) // 2 or any(map(is_missing, kinds)) or all(map(_CLOCK.fullmatch, kinds)):
        return False
    if plain_numbers(list(kinds)) is not None and not _IDENTIFIER.fullmatch(name):
        return False
    return len(set(zip(times, texts, strict=True))) == len(texts)


def _pivoted(table: UserTable, time: str, name: str, selection: Selection) -> str:
    separated = f", sep={table.delimiter!r}" if table.delimiter != "," else ""
    wide = f".pivot(index={time!r}, columns={name!r}, values={selection.targets[0]!r})"
    if (written := table.reading.date_format) is not None:  # as text, 02.01. stands before 31.12. of the year before
        wide += f".sort_index(key=lambda dates: pandas.to_datetime(dates, format={written!r}))"
    return f"pandas.read_csv({table.path!r}{separated}){wide}.to_csv('mended.csv')"
