"""How the exported script reads a table with pandas as bench does: what its template needs to know."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.training.paths import Horizons
from tasks.contract import Columns
from tasks.inputs import measured
from tasks.new_rows import NewRows
from tasks.other_files import PARQUET
from tasks.reading import Reading, Selection
from tasks.time_grid import at_month_end

_MONTHS = {"m": 1, "ms": 1, "me": 1, "q": 3, "qs": 3, "qe": 3, "y": 12, "ys": 12, "ye": 12, "a": 12}
_ANCHORED = {1: "MS", 3: "QS", 12: "YS"}  # periods of so many months, which bench names by their beginning
_UNITS = {3600: "h", 60: "min", 1: "s"}
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def reading_of(table: str, columns: Columns, new: NewRows) -> Mapping[str, Any]:
    """What the template's `read` needs.

    new: the rows of the table, whose times go on as those of any other table will.
    """
    reading, selection = columns.reading or Reading(), columns.selection
    targets = Horizons.of(columns).targets
    selection = selection or Selection(columns.inputs[:targets], columns.inputs[targets:])
    looks = [name for name in selection.inputs if _makes(name, columns.inputs)]
    words = dict(zip(selection.categorical, columns.words, strict=False))
    ahead = _ahead(columns, targets)
    calendar = [part for part in selection.calendar if any(name.startswith(part) for name in ahead)]
    periods, on_the_wall = _periods(reading, looks)
    every = _every(reading, new)
    ordered = reading.sort or reading.drop_duplicates
    hours = new.grid is not None and new.grid.unit == "second"
    zone = reading.time_zone and (ordered or not on_the_wall or (every and hours))
    are_dates = new.times is not None and new.times.wall is not None
    dates = are_dates and bool(calendar or periods or every or ordered)
    return {
        "reader": _reader(table, reading, dates, [name for name in words if name in looks]),
        "time": literal(reading.time),
        "time_zone": literal(reading.time_zone) if zone else "",
        "on_the_wall": bool(periods) and on_the_wall,
        "sort": reading.sort,
        "drop_duplicates": reading.drop_duplicates,
        "how": {name: "first" if name in words else "mean" for name in looks},
        "months": _several_months(reading),
        "periods": periods,
        "every": every,
        "fill": reading.fill == "forward",
        "words": {name: list(own) for name, own in words.items() if name in looks},
        "calendar": calendar,
        "ahead": _as_slice(columns.inputs, ahead),
        "step": _step(new) if calendar and not any(name in looks for name in selection.known) else "",
    }


def _reader(table: str, reading: Reading, dates: bool, words: list[str]) -> str:
    """The function of pandas and its arguments. dates: the time must be one. words: columns that are no numbers."""
    with Path(table).open("rb") as file:
        beginning = file.read(len(PARQUET))
    if beginning == PARQUET:
        return "read_parquet(path)"
    options = f", sep={literal(reading.delimiter)}" if reading.delimiter else ', sep=None, engine="python"'
    if beginning.startswith(codecs.BOM_UTF8):  # as a spreadsheet writes it; pandas would take it for part of a name
        options += ', encoding="utf-8-sig"'
    options += f", decimal={literal(reading.decimal)}" if reading.decimal != "." else ""
    options += f", parse_dates=[{literal(reading.time)}]" if dates else ""
    options += f", date_format={literal(reading.date_format)}" if dates and reading.date_format else ""
    types = ", ".join(f"{literal(name)}: str" for name in words)
    return f"read_csv(path{options}{f', dtype={{{types}}}' if words else ''})"


def _rule(reading: Reading) -> tuple[int, str]:
    """How many of which unit make a period: (2, "w")."""
    match = re.fullmatch(r"(\d{0,4})([A-Za-z]+)", reading.resample or "")
    return (int(match[1] or 1), match[2].lower()) if match else (1, "")


def _periods(reading: Reading, columns: list[str]) -> tuple[str, bool]:
    """A call that makes one row of each period, "" for none; and whether periods follow the clock on the wall.

    bench counts periods from 1970 on, weeks from Monday; pandas does so only where it is told.
    """
    count, unit = _rule(reading)
    if not unit:
        return "", True
    time = literal(reading.time)
    if unit == "w" and count == 1:
        return f'resample("W-MON", on={time}, closed="left", label="left").agg(how)', True
    if unit == "w":
        return f'resample("{7 * 24 * count}h", on={time}, origin="1969-12-29").agg(how)', True
    if unit in _SECONDS:
        rule = f"{24 * count}h" if unit == "d" else f"{count}{unit}"
        since = ', origin="epoch"' if count > 1 else ""  # the others begin where the calendar does
        return f'resample("{rule}", on={time}{since}).agg(how)', count * _SECONDS[unit] > 3600
    months = count * _MONTHS[unit]
    if months in _ANCHORED:
        return f'resample("{_ANCHORED[months]}", on={time}).agg(how)', True
    return f'groupby({time}).agg(how).asfreq("{months}MS")', True


def _several_months(reading: Reading) -> int:
    """Months in a period that pandas has no name for; 0 for any other."""
    count, unit = _rule(reading)
    months = count * _MONTHS.get(unit, 0)
    return 0 if months in _ANCHORED else months


def _every(reading: Reading, new: NewRows) -> str:
    """All times from the first to the last one, in Python, so that rows which time lacks are added and filled; "" where
    they are not, as without a grid, or with periods, of which all are rows.
    """
    if reading.fill != "forward" or reading.resample or new.times is None or new.grid is None:
        return ""
    first, last = (f"frame[{literal(reading.time)}].iloc[{row}]" for row in (0, -1))
    if new.grid.unit == "number":
        step = new.grid.step
        return f"np.arange({first}, {last} + {step / 2:.15g}, {step:.15g})"
    return f"pd.date_range({first}, {last}, freq={_step(new)})"


def _step(new: NewRows) -> str:
    """From one time to the next, in Python; "" where times are irregular and so stand in the file."""
    if new.times is None or new.grid is None or new.times.wall is None:
        return ""
    step = new.grid.step
    return {
        "second": f"pd.Timedelta({_duration(step)})",
        "day": f"pd.DateOffset(days={step:.0f})",
        "workday": "pd.offsets.BusinessDay()",
        "month": f"pd.{'offsets.MonthEnd(' if at_month_end(new.times.wall) else 'DateOffset(months='}{step:.0f})",
    }.get(new.grid.unit, "")


def _duration(seconds: float) -> str:
    for length, unit in _UNITS.items():
        if seconds % length == 0:
            return f'"{seconds / length:.0f}{unit}"'
    return f"seconds={seconds:.15g}"


def literal(value: Any) -> str:
    """Text, a list or a dict in Python, with double quotes; the escapes of JSON are escapes of Python."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{literal(key)}: {literal(each)}' for key, each in value.items())}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))})"
    return f"[{', '.join(map(literal, value))}]" if isinstance(value, list) else repr(value)


def _makes(name: str, inputs: tuple[str, ...]) -> bool:
    """Whether a column of the file makes one of the inputs, by itself or with its words."""
    return any(made == name or made.startswith(f"{name}=") for made in inputs)


def _ahead(columns: Columns, targets: int) -> list[str]:
    """The inputs that are known in advance."""
    own = measured(columns.selection, columns.inputs, targets)
    return [name for name in columns.inputs[targets:] if not any(_makes(column, (name,)) for column in own)]


def _as_slice(inputs: tuple[str, ...], ahead: list[str]) -> str:
    """Inputs in Python: the last ones as such; "" for none."""
    if not ahead:
        return ""
    first = len(inputs) - len(ahead)
    return f"INPUTS[{first}:]" if list(inputs[first:]) == ahead else literal(ahead)
