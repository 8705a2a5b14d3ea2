"""Rows of a longer period as one: the mean of each period, from its beginning on."""

from __future__ import annotations

import re

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError, short
from tasks.time_column import Times
from tasks.time_grid import wall_of

HOUR, DAY = 3600, 86400
# as pandas spells them, without regard to case where no two differ in it alone
_SECONDS = {"s": 1, "min": 60, "h": HOUR, "d": DAY}
_MONTHS = {"m": 1, "ms": 1, "me": 1, "q": 3, "qs": 3, "qe": 3, "y": 12, "ys": 12, "ye": 12, "a": 12}
_MOST_PERIODS = 10  # for each row


def periods(times: Times, rule: str) -> tuple[Array, Times]:
    """The period of each row, `(rows,)` integers from 0, and the beginnings of all periods, empty ones included.

    Periods of up to an hour follow one another in elapsed time: where clocks are set forward, no row is missing, and
    the hour that comes twice when they are set back is two. Longer ones follow the clock on the wall: a day with 25
    hours is one period.

    rule: "h", "D", "W" (from Monday), "M", "Q" or "Y", with a number before it where several make a period ("15min").
    UserError for another rule, for times that are no dates, and for far more periods than rows.
    """
    match = re.fullmatch(r"(\d{0,4})([A-Za-z]+)", rule)
    count, unit = (int(match[1] or 1), match[2].lower()) if match else (0, "")
    if count < 1 or unit not in {*_SECONDS, *_MONTHS, "w"}:
        raise UserError(
            f"--resample is {short(rule)}: expected min, h, D, W, M, Q or Y, or several of them, as in 15min"
        )
    if times.wall is None:
        raise UserError(f"--resample {rule} needs dates, but the time column has numbers: leave it out")
    elapsed = unit in _SECONDS and count * _SECONDS[unit] <= HOUR
    offset = float(times.wall[0] - times.values[0])  # so that they begin where the clock does
    if unit in _MONTHS:
        number = times.wall.astype("M8[s]").astype("M8[M]").astype(np.int64) // (count * _MONTHS[unit])
    else:
        length, shift = (count * 7 * DAY, 3 * DAY) if unit == "w" else (count * _SECONDS[unit], 0)  # day 0: a Thursday
        number = np.floor(((times.values + offset if elapsed else times.wall) + shift) / length).astype(np.int64)
    first, last = int(number.min()), int(number.max())
    if last - first >= _MOST_PERIODS * len(times):
        raise UserError(
            f"--resample {rule} makes {last - first + 1:,} periods of {len(times):,} rows: give a longer period"
        )
    every = np.arange(first, last + 1)
    if unit in _MONTHS:
        wall = (every * count * _MONTHS[unit]).astype("M8[M]").astype("M8[s]").astype(float)
    else:
        wall = every * float(length) - shift
    if elapsed:
        return number - first, Times(wall - offset, wall_of(wall - offset, times), times.zone)
    return number - first, Times(wall, wall, None)


def usual_period(step: float) -> str:
    """The shortest period, as `periods` takes it, in which there is usually a row. step: between rows, in seconds."""
    lengths = {
        "s": 1, "10s": 10, "min": 60, "5min": 300, "15min": 900, "h": HOUR, "6h": 6 * HOUR, "D": DAY, "W": 7 * DAY,
        "M": 31 * DAY, "Q": 92 * DAY,
    }  # fmt: skip
    return next((rule for rule, length in lengths.items() if length >= 0.9 * step), "Y")


def period_means(values: Array, period: Array, count: int) -> Array:
    """The mean of the values `(rows,)` of each period that are not missing: `(count,)`, NaN where there is none."""
    known = ~np.isnan(values)
    sums = np.bincount(period[known], values[known], minlength=count)
    counts = np.bincount(period[known], minlength=count)
    found = np.full(count, np.nan)
    np.divide(sums, counts, out=found, where=counts > 0)
    return found


def first_in_period(values: Array, period: Array, count: int) -> Array:
    """The first value of each period that is not missing, NaN where there is none; for codes of words."""
    found = np.full(count, np.nan)
    known = np.flatnonzero(~np.isnan(values))[::-1]
    found[period[known]] = values[known]  # the last assignment stays: the earliest row
    return found
