"""How the exported script reads a table with pandas as bench does: what its template needs to know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bench.training.paths import Horizons
from tasks.contract import Columns
from tasks.errors import UserError, short
from tasks.inputs import measured
from tasks.new_rows import NewRows
from tasks.reading import Reading, Selection
from tasks.time_grid import at_month_end

_ANCHORED = {"w": "W-MON", "m": "MS", "ms": "MS", "q": "QS", "qs": "QS", "y": "YS", "ys": "YS", "a": "YS"}
_ANCHORED |= {"me": "MS", "qe": "QS", "ye": "YS"}  # bench names each period by its beginning
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def require_readable(columns: Columns) -> None:
    """UserError for what a short script cannot read as bench does."""
    reading = columns.reading or Reading()
    if reading.time_zone and reading.sort:
        raise UserError(
            "the model's table was read with --sort and --time-zone, and pandas cannot sort the hour that comes twice: "
            "use predict, or sort the file and train without --sort to export"
        )
    if reading.resample:
        _rule(reading.resample)


def reading_of(columns: Columns, new: NewRows) -> Mapping[str, Any]:
    """What the template's `read` needs, for columns that it can read.

    new: the rows of a table, whose times go on as those of any other table will.
    """
    reading, selection = columns.reading or Reading(), columns.selection
    targets = Horizons.of(columns).targets
    selection = selection or Selection(columns.inputs[:targets], columns.inputs[targets:])
    rule, by_clock = _rule(reading.resample) if reading.resample else (None, True)
    looks = [name for name in selection.inputs if _makes(name, columns.inputs)]
    words = dict(zip(selection.categorical, columns.words, strict=False))
    ahead = _ahead(columns, targets)
    calendar = [part for part in selection.calendar if any(name.startswith(part) for name in ahead)]
    return {
        "read_options": _options(columns.reading, bool(calendar or rule), [name for name in words if name in looks]),
        "sort": reading.sort,
        "drop_duplicates": reading.drop_duplicates,
        "time_zone": repr(reading.time_zone) if reading.time_zone and not by_clock else "",
        "resample": repr(rule) if rule else "",
        "origin": ', origin="epoch"' if rule and rule[0].isdigit() else "",  # the others begin where the calendar does
        "how": {name: "first" if name in words else "mean" for name in looks},
        "fill": reading.fill == "forward",
        "time": repr(reading.time),
        "words": {name: list(own) for name, own in words.items() if name in looks},
        "calendar": calendar,
        "ahead": _as_slice(columns.inputs, ahead),
        "step": _step(new) if calendar and not any(name in looks for name in selection.known) else "",
    }


def _options(reading: Reading | None, dates: bool, words: list[str]) -> str:
    """Arguments of `pandas.read_csv`. dates: the time must be one. words: columns that are no numbers."""
    if reading is None:
        return ""
    options = f", sep={reading.delimiter!r}" if reading.delimiter else ', sep=None, engine="python"'
    options += f", decimal={reading.decimal!r}" if reading.decimal != "." else ""
    if reading.date_format or dates:
        options += f", parse_dates=[{reading.time!r}]"
    options += f", date_format={reading.date_format!r}" if reading.date_format else ""
    types = ", ".join(f"{name!r}: str" for name in words)
    return f"{options}, dtype={{{types}}}" if words else options


def _rule(rule: str) -> tuple[str, bool]:
    """A period as pandas spells it, and whether it follows the clock on the wall (or elapsed time)."""
    match = re.fullmatch(r"(\d{0,4})([A-Za-z]+)", rule)
    count, unit = (int(match[1] or 1), match[2].lower()) if match else (0, "")
    if unit in _SECONDS and count:
        name = f"{24 * count}h" if unit == "d" else f"{count}{unit}"
        return name, count * _SECONDS[unit] > 3600
    if unit in _ANCHORED and count == 1:
        return _ANCHORED[unit], True
    raise UserError(
        f"the model's table was read with --resample {short(rule)}, and pandas begins periods of several weeks or "
        "months elsewhere: use predict, or train with another --resample to export"
    )


def _step(new: NewRows) -> str:
    """From one time to the next, in Python; "" where times are irregular and so stand in the file."""
    if new.times is None or new.grid is None or new.times.wall is None:
        return ""
    step = new.grid.step
    return {
        "second": f"pd.Timedelta(seconds={step:.15g})",
        "day": f"pd.DateOffset(days={step:.0f})",
        "workday": "pd.offsets.BusinessDay()",
        "month": f"pd.{'offsets.MonthEnd(' if at_month_end(new.times.wall) else 'DateOffset(months='}{step:.0f})",
    }.get(new.grid.unit, "")


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
    return f"INPUTS[{first}:]" if list(inputs[first:]) == ahead else repr(ahead)
