"""Tables as people have them: messy ones, with what bench must say, and series, with the decision that is right.

Everything is made here, from fixed seeds.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

ROWS = 120
NET, NO_NET = "gru", "no recurrent net needed"


@dataclass(frozen=True)
class Messy:
    """A table of which one thing is unusual.

    options: of `run --data`, as on the command line. refused: what the error says; None: it is read. mended: options
    with which it is read; None: the file itself must change. note: what is said of a table that is read.
    """

    name: str
    what: str
    content: Callable[[], bytes]
    options: dict[str, str] = field(default_factory=dict)
    refused: str | None = None
    mended: dict[str, str] | None = None
    note: str | None = None


@dataclass(frozen=True)
class Made:
    """A series of which it is known what forecasts it best. best: the reference with the lowest loss (those that are as
    good within 5 %). answer: the decision that is right."""

    name: str
    what: str
    frame: Callable[[], pd.DataFrame]
    options: dict[str, str]
    best: tuple[str, ...]
    answer: str


def _rng() -> np.random.Generator:
    return np.random.default_rng(18)


def _values(rows: int = ROWS) -> list[float]:
    return [round(float(value), 3) for value in 100 + _rng().standard_normal(rows).cumsum()]


def _csv(rows: list[tuple[Any, ...]], header: str = "t;y", mark: str = ";") -> bytes:
    return "\n".join([header, *(mark.join(map(str, row)) for row in rows), ""]).encode()


def _with_times(texts: Any) -> Callable[[], bytes]:
    """A table whose times are written like this."""
    return lambda: _csv(list(zip(texts(), _values(len(texts())), strict=True)))


def _dates(form: str, step: str = "D", rows: int = ROWS) -> Callable[[], bytes]:
    return _with_times(lambda: list(pd.date_range("2024-01-01", periods=rows, freq=step).strftime(form)))


def _numbers(write: Callable[[float], str]) -> Callable[[], bytes]:
    """A table whose values are written like this."""
    return lambda: _csv([(i, write(1000 + value)) for i, value in enumerate(_values())])


def _german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def _excel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    return buffer.getvalue()


def _local_hours(start: str, rows: int) -> Callable[[], bytes]:
    """As a logger writes them that shows the time on the wall in Berlin."""
    index = pd.date_range(start, periods=rows, freq="h", tz="Europe/Berlin")
    return _with_times(lambda: list(index.tz_localize(None).strftime("%Y-%m-%d %H:%M")))


def _machines() -> bytes:
    """Three machines, one after the other, with the same hours."""
    hours = pd.date_range("2024-05-01", periods=ROWS, freq="h").strftime("%Y-%m-%d %H:%M")
    values = iter(_values(3 * ROWS))
    return _csv([(hour, name, next(values)) for name in ("M1", "M2", "M3") for hour in hours], "t;machine;y")


def _without(gaps: Callable[[int], bool], value: str = "") -> Callable[[], bytes]:
    return lambda: _csv([(i, value if gaps(i) else number) for i, number in enumerate(_values())])


def _missing_weeks() -> bytes:
    weeks = pd.date_range("2005-01-01", periods=800, freq="W").strftime("%Y-%m-%d")
    missing = set(_rng().choice(np.arange(5, 795), 59, replace=False).tolist())
    return _csv([row for i, row in enumerate(zip(weeks, _values(800), strict=True)) if i not in missing])


def _second(values: Callable[[int], Any], header: str = "t;y;x") -> Callable[[], bytes]:
    """A table with a second column."""
    return lambda: _csv([(i, value, values(i)) for i, value in enumerate(_values())], header)


def _many_columns() -> bytes:
    names = [f"a very long name of a measured quantity in a plant, number {i}" for i in range(300)]
    return _csv([(i, *([1] * 300)) for i in range(ROWS)], ";".join(["t", *names]))


T, Y = {"time": "t"}, {"target": "y"}
TY = {**T, **Y}

MESSY = (
    Messy("decimal-comma", "decimals with a comma", _numbers(lambda v: f"{v:.2f}".replace(".", ",")), TY,
          "decimals are written with ',': give --decimal ,", {**TY, "decimal": ","}),
    Messy("three-decimals", "a comma before three digits", _numbers(lambda v: f"{v / 1000:.3f}".replace(".", ",")), TY,
          "if ',' stands before the decimals, give --decimal ,; if it separates thousands", {**TY, "decimal": ","}),
    Messy("thousands", "thousands with a comma", _numbers(lambda v: f"{v:,.2f}"), TY,
          "thousands are separated; in pandas: pandas.read_csv"),
    Messy("german-numbers", "1.234,56", _numbers(_german), TY, "thousands='.', decimal=','"),
    Messy("swiss-numbers", "1'234.56", _numbers(lambda v: f"{v:,.2f}".replace(",", "'")), TY, "thousands=\"'\""),
    Messy("word-among-numbers", "n/v among numbers", _without(lambda i: i == 30, "n/v"), Y,
          "an empty cell where it is missing; in pandas"),
    Messy("unit", "a unit after the number", _numbers(lambda v: f"{v:.1f} kWh"), TY, "a number without a unit"),
    Messy("percent", "a percent sign", _numbers(lambda v: f"{v:.1f}%"), TY, "expected a number without a unit"),
    Messy("currency", "a currency before the number", _numbers(lambda v: f"€{v:.2f}"), TY, "number without a unit"),
    Messy("german-dates", "31.12.2024", _dates("%d.%m.%Y"), TY, "give --date-format %d.%m.%Y (German)",
          {**TY, "date_format": "%d.%m.%Y"}),
    Messy("us-dates", "12/31/2024", _dates("%m/%d/%Y"), TY, "give --date-format %m/%d/%Y (US)",
          {**TY, "date_format": "%m/%d/%Y"}),
    Messy("us-clock", "12/31/2024 11:00 PM", _dates("%m/%d/%Y %I:%M %p", "h"), TY, "'%m/%d/%Y %I:%M %p' (US)",
          {**TY, "date_format": "%m/%d/%Y %I:%M %p"}),
    Messy("either-dates", "01/02/2024: January or February?", _with_times(lambda: ["01/02/2024", "02/03/2024"] * 2),
          TY,
          "--date-format %d/%m/%Y (British) or --date-format %m/%d/%Y (US)"),
    Messy("months", "2024-03", _dates("%Y-%m", "MS"), TY, "give --date-format %Y-%m", {**TY, "date_format": "%Y-%m"}),
    Messy("quarters", "2024Q1", _with_times(lambda: [f"{1990 + i // 4}Q{i % 4 + 1}" for i in range(ROWS)]), TY,
          "quarters are no dates; in pandas: pandas.PeriodIndex"),
    Messy("days-as-numbers", "20241231", _dates("%Y%m%d"), TY, None, {**TY, "date_format": "%Y%m%d"},
          "look like days: give --date-format %Y%m%d"),
    Messy("unsorted", "newest row first", lambda: _csv([(-i, v) for i, v in enumerate(_values())]), TY,
          "--sort sorts the rows", {**TY, "sort": "true"}),
    Messy("repeated-times", "two rows of one time", lambda: _csv([(i // 2, v) for i, v in enumerate(_values())]), TY,
          "keep the first row of each time with --drop-duplicates", {**TY, "drop_duplicates": "true"}),
    Messy("machines", "several machines in one file", _machines, {**T, "target": "y"},
          "column 'machine' tells rows of one 't' apart: several series? Split the file by 'machine', or give each"),
    Messy("machines-no-time", "the same without --time", _machines, Y, None, None,
          "column 'machine' tells rows of one 't' apart: several series?"),
    Messy("clocks-back", "local hours in October", _local_hours("2024-10-01", 800), TY,
          "where clocks are set back: give --time-zone, as in Europe/Berlin", {**TY, "time_zone": "Europe/Berlin"}),
    Messy("clocks-forward", "local hours in March", _local_hours("2024-03-20", 400), TY, None,
          {**TY, "time_zone": "Europe/Berlin"}, "1 of 401 hourly rows are missing"),
    Messy("no-summer-time", "a logger that ignores summer time", _dates("%Y-%m-%d %H:%M", "h", 2400),
          {**TY, "time_zone": "Europe/Berlin"}, "does not exist in Europe/Berlin",
          {**TY, "time_zone": "Etc/GMT-1"}),
    Messy("offsets", "2024-10-27T02:00+02:00",
          _with_times(lambda: [m.isoformat() for m in pd.date_range("2024-10-20", periods=300, freq="h", tz="CET")]),
          TY),
    Messy("gaps", "values are missing", _without(lambda i: i % 9 == 5), Y,
          "misses 13 of 120 values (lines 7, 16, 25, 34, 43, …): fill them in, or repeat the last value with --fill",
          {**Y, "fill": "forward"}),
    Messy("outage", "a logger was off for a while", _without(lambda i: 88 <= i < 104), {**Y, "fill": "forward"}, None,
          None, "too few measured values to validate or test on are left out, 2 of 8"),
    Messy("first-gap", "the first value is missing", _without(lambda i: i == 0), {**Y, "fill": "forward"},
          "nothing stands before the first: cut the file where the column begins"),
    Messy("missing-weeks", "weeks are missing", _missing_weeks, TY, None, {**TY, "fill": "forward"},
          "59 of 800 weekly rows are missing"),
    Messy("events", "times without a step", lambda: _csv(list(zip(
        pd.Timestamp("2024-01-01") + pd.to_timedelta(_rng().exponential(90, ROWS).cumsum(), "min").round("s"),
        _values(), strict=True))), TY, None, {**TY, "resample": "h", "fill": "forward"}, "--resample h, say, makes it"),
    Messy("infinite", "an infinite value", _without(lambda i: i == 50, "inf"), Y,
          "with --fill forward it counts as missing", {**Y, "fill": "forward"}),
    Messy("empty-column", "a column without a value", _second(lambda i: ""), {**Y, "features": "x"},
          "column 'x' is empty (all 120 rows): leave it out", Y),
    Messy("constant-target", "a target that never varies", _second(lambda i: 3), {"target": "x"},
          "is constant (3): there is nothing to predict"),
    Messy("constant-feature", "a feature that never varies", _second(lambda i: 3), {**Y, "features": "x"},
          None, None, "constant inputs are left out: x"),
    Messy("words", "a feature of words", _second(lambda i: ["mon", "tue", "wed"][i % 3]), {**Y, "features": "x"},
          "can be an input with --categorical x", {**Y, "categorical": "x"}),
    Messy("word-target", "a target of words", _second(lambda i: ["on", "off"][i % 2]), {"target": "x"},
          "a target must be numbers, as classes cannot be forecast: give another --target"),
    Messy("many-words", "a column of names", _second(lambda i: f"id{i}"), {**Y, "categorical": "x"},
          "has 120 different values: --categorical takes up to 100"),
    Messy("comma-in-name", 'a column called "load, MW"', lambda: _csv(list(enumerate(_values())), 't;"load, MW"'),
          {**T, "target": '"load, MW"'}),
    Messy("bracket-in-name", "a column called load [MW", lambda: _csv(list(enumerate(_values())), "t;load [MW"),
          {**T, "target": "load [MW"}),
    Messy("many-columns", "300 long names", _many_columns, {"target": "load"}, "more)"),
    Messy("pipes", "fields separated by a bar", lambda: _csv(list(enumerate(_values())), "t|y", "|"), TY,
          "if the columns are separated otherwise, give --delimiter", {**TY, "delimiter": "|"}),
    Messy("tabs", "fields separated by tabs", lambda: _csv(list(enumerate(_values())), "t\ty", "\t"), TY),
    Messy("unquoted-comma", "1,5 in a file with commas",
          lambda: _csv([(i, "1,5") for i in range(ROWS)], "t,y", ","), TY,
          "a field with a comma must stand in double quotes"),
    Messy("no-header", "no column names", lambda: _csv(list(enumerate(_values())), "0;100"), TY,
          "(the first line names them)"),
    Messy("comment", "a comment above the names", lambda: b"made by a logger\n" + _csv(list(enumerate(_values()))), TY,
          "delete lines above it"),
    Messy("same-names", "two columns with one name", _second(lambda i: i, "t;y;y"), Y, "two columns called 'y'"),
    Messy("excel", "an Excel workbook", _excel, Y, "is an Excel workbook (or another ZIP archive)"),
    Messy("gzip", "compressed", lambda: gzip.compress(_csv(list(enumerate(_values()))), mtime=0), Y, "is compressed"),
    Messy("utf-16", "UTF-16", lambda: "t;y\n1;2\n".encode("utf-16"), Y, "is UTF-16 text"),
    Messy("latin-1", "Latin-1", lambda: "t;größe\n1;2\n2;3\n".encode("latin-1"), {"target": "größe"},
          "is not UTF-8 text (line 1): save it as CSV with UTF-8 encoding; in pandas"),
    Messy("json", "JSON", lambda: b'[{"t": 1, "y": 2}]', Y, "looks like JSON"),
    Messy("empty", "nothing at all", lambda: b"", Y, "is empty: expected a line of column names"),
    Messy("few-rows", "20 rows", lambda: _csv(list(enumerate(_values(20)))), Y,
          "give at least 56 rows (45 with --window 15 or less)"),
    Messy("long-window", "a window longer than fits", lambda: _csv(list(enumerate(_values(61)))), {**Y, "window": "40"},
          "give --window 28 or less", {**Y, "window": "28"}),
    Messy("huge-values", "values of 1e300", lambda: _csv([(i, 1e300 * v) for i, v in enumerate(_values())]), Y,
          "rescale it"),
    Messy("growth-of-losses", "growth of a column below 0",
          lambda: _csv([(i, v - 100) for i, v in enumerate(_values())]), {**Y, "transform": "growth"},
          "--transform growth needs values above 0; --transform difference does not",
          {**Y, "transform": "difference"}),
)  # fmt: skip


def _frame(values: Any, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"y": values, **columns})


def _walk() -> pd.DataFrame:
    return _frame(_rng().standard_normal(1000).cumsum())


def _noise() -> pd.DataFrame:
    return _frame(_rng().standard_normal(1000))


def _season() -> pd.DataFrame:
    return _frame(np.tile(_rng().standard_normal(12), 80) + 0.05 * _rng().standard_normal(960))


def _autoregression() -> pd.DataFrame:
    values, noise = np.zeros(1000), _rng().standard_normal(1000)
    for i in range(2, 1000):
        values[i] = 1.6 * values[i - 1] - 0.8 * values[i - 2] + noise[i]
    return _frame(values)


def _threshold() -> pd.DataFrame:
    values, noise = np.zeros(2000), 0.1 * _rng().standard_normal(2000)
    for i in range(1, 2000):
        values[i] = (0.9 * values[i - 1] + 0.5 if values[i - 1] <= 0 else -0.9 * values[i - 1] + 0.2) + noise[i]
    return _frame(values)


def _henon() -> pd.DataFrame:
    values = np.zeros(1500)
    for i in range(2, 1500):
        values[i] = 1 - 1.4 * values[i - 1] ** 2 + 0.3 * values[i - 2]
    return _frame(values)


def _mackey_glass() -> pd.DataFrame:
    """With delay 17, sampled every 6 time units; Euler steps of 0.1."""
    values = np.full(170 + 60 * 1600, 1.2)
    for i in range(170, len(values)):
        late = values[i - 170]
        values[i] = values[i - 1] + 0.1 * (0.2 * late / (1 + late**10) - 0.1 * values[i - 1])
    return _frame(values[6170::60])


def _trend() -> pd.DataFrame:
    return _frame(np.arange(800) * 0.5 + _rng().standard_normal(800))


def _exponential() -> pd.DataFrame:
    return _frame(100 * np.exp((0.01 + 0.01 * _rng().standard_normal(600)).cumsum()))


def _load(hours: int = 6000) -> pd.DataFrame:
    """Demand with a daily and weekly course, that bends where it is cold and where it is hot."""
    rng, time = _rng(), pd.date_range("2023-01-01", periods=hours, freq="h")
    hour, day = np.arange(hours), np.arange(hours) // 24
    drift = np.zeros(hours)
    for i in range(1, hours):
        drift[i] = 0.98 * drift[i - 1] + 0.5 * rng.standard_normal()
    temperature = 12 + 12 * np.sin(2 * np.pi * (day - 100) / 365) + 5 * np.sin(2 * np.pi * (hour - 9) / 24) + drift
    course = 20 * np.sin(2 * np.pi * (hour - 7) / 24) * (1 - 0.5 * (day % 7 >= 5))
    weather = 0.1 * (temperature - 16) ** 2
    load = 100 + course + weather + rng.standard_normal(hours)
    return pd.DataFrame({"time": time.strftime("%Y-%m-%d %H:%M"), "y": load.round(3), "temp": temperature.round(2)})


def _load_with_gaps() -> pd.DataFrame:
    frame = _load()
    frame.loc[_rng().choice(np.arange(100, 5900), 200, replace=False), "y"] = np.nan
    return frame.drop(index=_rng().choice(np.arange(100, 5900), 100, replace=False))


def _annual() -> pd.DataFrame:
    rng = _rng()
    return pd.DataFrame({"year": range(1960, 2021), "y": 10 + rng.standard_normal(61).cumsum()})


def _large() -> pd.DataFrame:
    values = _rng().standard_normal((300_000, 5))
    return pd.DataFrame(values, columns=["y", "a", "b", "c", "d"])


LOAD = {"target": "y", "time": "time", "known": "temp", "calendar": "hour,weekday"}
MADE = (
    Made("random-walk", "random walk", _walk, Y, ("persistence", "linear_ar"), NO_NET),
    Made("white-noise", "white noise", _noise, Y, ("training_mean", "linear_ar"), NO_NET),
    Made("season", "a course that repeats, little noise", _season, {**Y, "season": "12"},
         ("linear_ar", "seasonal_naive"), NO_NET),
    Made("ar2", "linear autoregression of order 2", _autoregression, Y, ("linear_ar",), NO_NET),
    Made("threshold", "autoregression with a threshold", _threshold, Y, ("linear_ar",), NET),
    Made("henon", "Hénon map", _henon, Y, ("linear_ar",), NET),
    Made("mackey-glass", "Mackey–Glass, 6 time units ahead", _mackey_glass, Y, ("linear_ar",), NET),
    Made("trend", "a trend beyond the training range", _trend, {**Y, "transform": "difference"}, ("linear_ar",),
         NO_NET),
    Made("growth", "exponential growth", _exponential, {**Y, "transform": "growth"}, ("training_mean", "linear_ar"),
         NO_NET),
    Made("load", "hourly load, weather and calendar known", _load, LOAD, ("linear_ar",), NET),
    Made("load-24", "the same, a day ahead", _load, {**LOAD, "horizons": "1,24", "season": "24"},
         ("linear_ar", "persistence"), NET),
    Made("load-gaps", "the same with 200 gaps and 100 missing rows", _load_with_gaps, {**LOAD, "fill": "forward"},
         ("linear_ar",), NET),
    Made("annual", "61 annual rows of a random walk", _annual, {"target": "y", "time": "year", "window": "10"},
         ("persistence", "linear_ar"), NO_NET),
    Made("large", "300,000 rows of noise, five columns", _large, {**Y, "features": "a,b,c,d"},
         ("training_mean", "linear_ar"), NO_NET),
)  # fmt: skip
