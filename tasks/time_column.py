"""A column of times: numbers or dates, in order, placed by their time zone where clocks are changed."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError, short
from tasks.number_text import is_missing, plain_numbers
from tasks.reading import Reading

EPOCH = datetime(1970, 1, 1)
_DAYS = ("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d")
_OTHERS = (
    "%Y-%m",
    "%m/%Y",
    "%Y.%m.%d",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %Y",
    "%Y%m%d",
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_COUNTRY = {"%d.%m.%Y": "German", "%m/%d/%Y": "US", "%d/%m/%Y": "British"}


@dataclass(frozen=True, eq=False)
class Times:
    """`values` `(rows,)` float64: numbers as they are, dates as seconds since 1970 (UTC where no zone is known).

    wall: `(rows,)` seconds since 1970 as a clock on the wall shows them, for dates; None for numbers. zone: its name.
    """

    values: Array
    wall: Array | None = None
    zone: str | None = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Array) -> Times:
        """Some of the rows, by position."""
        return Times(self.values[rows], None if self.wall is None else self.wall[rows], self.zone)

    @property
    def has_clock(self) -> bool:
        """Whether any of them is a date with a time of day other than midnight."""
        return self.wall is not None and bool(np.any(np.asarray(self.wall) % 86_400 != 0))

    def text(self, row: int, *, clock: bool = False) -> str:
        """A time as people write it: a number, or a date in ISO 8601.

        clock: write midnight too, so that all times of an hourly table look alike.
        """
        if self.wall is None:
            return f"{self.values[row]:.15g}"
        moment = EPOCH + timedelta(seconds=round(float(self.wall[row]), 6))
        text = moment.isoformat(sep=" ")
        return text if clock else text.removesuffix(" 00:00:00")


def read_times(path: str, name: str, texts: Sequence[str], lines: Sequence[int], reading: Reading) -> Times:
    """A column of text as times, in the order of the rows. UserError for a value that is missing or no time."""
    for text, line in zip(texts, lines, strict=True):
        if is_missing(text):
            raise UserError(f"{path}: time column {short(name)} has no value in line {line}: fill it in")
    values = None if reading.date_format else plain_numbers(texts)
    if values is not None:
        for i in np.flatnonzero(~np.isfinite(values))[:1]:
            what = f"has the infinite value {short(texts[i])} in line {lines[i]}"
            raise UserError(f"{path}: time column {short(name)} {what}: fill it in")
        if reading.time_zone:
            raise UserError(f"--time-zone is for dates, but the time column {short(name)} has numbers: leave it out")
        return Times(values)
    return _dates(path, name, texts, lines, reading)


def _dates(path: str, name: str, texts: Sequence[str], lines: Sequence[int], reading: Reading) -> Times:
    zone, moments = _zone(reading.time_zone), list[datetime]()
    for text, line in zip(texts, lines, strict=True):
        moment = _moment(text, reading.date_format)
        if moment is None:
            where = f"{path}: time column {short(name)} has {short(text)} in line {line}"
            raise UserError(f"{where}: {_how_to_mend(texts, reading.date_format)}")
        moments.append(moment)
    if zone is not None:
        _require_existing(path, name, texts, lines, moments, zone)
        moments = _in_zone(moments, zone) if not reading.sort else _unsorted_in_zone(moments, zone)
    found, wall = np.empty(len(moments)), np.empty(len(moments))
    for i, moment in enumerate(moments):
        found[i] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        wall[i] = (moment.replace(tzinfo=None) - EPOCH).total_seconds()
    return Times(found, wall, reading.time_zone)


def _require_existing(
    path: str, name: str, texts: Sequence[str], lines: Sequence[int], moments: Sequence[datetime], zone: tzinfo
) -> None:
    """UserError for a date without a zone that clocks skip where they are set forward: sorted, such rows would stand
    among those of the hour after them."""
    for text, line, moment in zip(texts, lines, moments, strict=True):
        if moment.tzinfo is not None:
            continue
        before, after = (moment.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
        if before is None or after is None or after <= before:  # PEP 495: greater for such dates alone
            continue
        fixed = f", or give the time that it keeps, as in --time-zone {_fixed(before)}" if _fixed(before) else ""
        raise UserError(
            f"{path}: time column {short(name)} has {short(text)} in line {line}, a time that does not exist in {zone} "
            f"(clocks are set forward there): the file is not in local time, so leave out --time-zone{fixed}"
        )


def _fixed(offset: timedelta) -> str:
    """The name of a zone that is always as far from UTC; empty where there is none."""
    hours, rest = divmod(offset, timedelta(hours=1))
    return "" if rest or not -12 <= hours <= 14 else f"Etc/GMT{-hours:+d}" if hours else "UTC"


def _in_zone(moments: Sequence[datetime], zone: tzinfo) -> list[datetime]:
    """Dates in order of time; those without a zone are in this one.

    A date that does not come after the one before it is in the hour that comes a second time when clocks are set back.
    """
    placed, before = list[datetime](), -np.inf
    for moment in moments:
        here = moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
        if moment.tzinfo is None and before >= here.timestamp():
            here = here.replace(fold=1)
        before = here.timestamp()
        placed.append(here)
    return placed


def _unsorted_in_zone(moments: Sequence[datetime], zone: tzinfo) -> list[datetime]:
    """Dates in any order; those without a zone are in this one.

    Of an hour that comes twice when clocks are set back, a date is in the first one where the file has it for the first
    time, and in the second one where it has it again; the other way round in a file that begins with the newest row.
    """
    placed, seen = list[datetime](), set[datetime]()
    steps = np.diff([(moment.replace(tzinfo=None) - EPOCH).total_seconds() for moment in moments])
    backwards = bool(np.median(steps) < 0)
    for moment in reversed(moments) if backwards else moments:
        if moment.tzinfo:
            placed.append(moment.astimezone(zone))
        else:
            placed.append(moment.replace(tzinfo=zone, fold=int(moment in seen)))
            seen.add(moment)
    return placed[::-1] if backwards else placed


def _moment(text: str, date_format: str | None) -> datetime | None:
    """None where the text is no date of this format."""
    try:
        moment = datetime.strptime(text, date_format) if date_format else datetime.fromisoformat(text)
        moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    return moment


def _how_to_mend(texts: Sequence[str], date_format: str | None) -> str:
    """Formats that read the whole column, or what was expected."""
    fitting = [pattern for pattern in _formats() if all(_moment(text, pattern) for text in texts)]
    if fitting:
        named = [f"--date-format {_quoted(pattern)}{_of_country(pattern)}" for pattern in fitting[:3]]
        return "expected ISO dates, as in 2024-03-31; give " + " or ".join(named)
    if date_format:
        return f"expected dates written {short(date_format)}, as --date-format says"
    if len(texts[0]) == 6 and texts[0][4].upper() == "Q":
        return "quarters are no dates; in pandas: pandas.PeriodIndex(frame[column], freq='Q').to_timestamp()"
    return (
        "expected numbers or ISO dates, as in 2024-03-31; for others give --date-format, as in %d.%m.%Y (German) or "
        "%m/%d/%Y (US)"
    )


def _formats() -> list[str]:
    return [day + clock for day in (*_DAYS, *_OTHERS) for clock in _CLOCKS]


def _quoted(pattern: str) -> str:
    return f"'{pattern}'" if " " in pattern else pattern


def _of_country(pattern: str) -> str:
    country = _COUNTRY.get(pattern.partition(" %H")[0].partition(" %I")[0])
    return f" ({country})" if country else ""


def looks_like_days(values: Array) -> bool:
    """Whether numbers are days written without marks, as in 20240331."""
    whole = values[:1000]
    if not ((whole == np.floor(whole)) & (whole > 1e7) & (whole < 1e8)).all():
        return False
    return all(_moment(f"{value:.0f}", "%Y%m%d") for value in whole)


def is_date(text: str) -> bool:
    """Whether a text is a date in a usual way of writing it; a number is none."""
    return not text.isdigit() and any(_moment(text, pattern) for pattern in (None, *_formats()))


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(f"unknown time zone {short(name)}: expected a name such as Europe/Berlin or UTC") from None


def require_order(path: str, name: str, times: Times, texts: Sequence[str], lines: Sequence[int], order: Array) -> None:
    """UserError where a time is not later than the one before it, with what would mend it.

    texts, lines: of the rows of the file, which `times` has in this order.
    """
    for i in np.flatnonzero(np.diff(times.values) <= 0)[:1]:
        here, before = order[i + 1], order[i]
        where = (
            f"{path}: time column {short(name)} must increase, but line {lines[here]} has {short(texts[here])} after "
            f"{short(texts[before])}"
        )
        if _clocks_set_back(times, i):
            raise UserError(
                f"{where}, where clocks are set back: give --time-zone, as in Europe/Berlin, or --drop-duplicates"
            )
        same = times.values[i + 1] == times.values[i]
        raise UserError(
            f"{where}: "
            + ("keep the first row of each time with --drop-duplicates" if same else "--sort sorts the rows")
        )


def _clocks_set_back(times: Times, row: int) -> bool:
    """Whether time steps back by an hour at most in a night to Sunday in autumn (of either half of the Earth)."""
    if times.zone is not None or times.wall is None or not 0 <= times.values[row] - times.values[row + 1] <= 3600:
        return False
    moment = EPOCH + timedelta(seconds=float(times.wall[row + 1]))
    step = np.median(np.diff(times.values))
    return moment.weekday() == 6 and moment.hour <= 3 and moment.month in (3, 4, 9, 10, 11) and step <= 3600
