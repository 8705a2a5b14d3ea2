"""Regular time: the step of a column of times, the rows that are missing on it, and what comes after its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from tasks.contract import Array
from tasks.time_column import EPOCH, Times

DAY = 86400.0
_NAMES = {1.0: "second", 60.0: "minute", 3600.0: "hour", DAY: "day", 7 * DAY: "week"}
_ADJECTIVES = {60.0: "minute", 3600.0: "hourly", DAY: "daily", 7 * DAY: "weekly"}
_MONTHS = {1: "monthly", 3: "quarterly", 12: "annual"}
_TOLERANCE = 0.01  # of a step: how far a time may lie beside the grid
_MOST_MISSING = 4  # times as many rows as there are: with more, times are irregular


@dataclass(frozen=True, eq=False)
class Grid:
    """Times on a grid. unit: what a step is made of ("number" and "second": of `Times.values`, the others: of `wall`).

    positions: `(rows,)` integers, 0 for the first time; a gap has no row.
    """

    unit: Literal["number", "second", "day", "workday", "month"]
    step: float
    positions: Array

    @property
    def missing(self) -> int:
        return int(self.positions[-1]) + 1 - len(self.positions)

    @property
    def adjective(self) -> str:
        """As in "weekly", for a sentence; "" for numbers."""
        if self.unit == "month":
            return _MONTHS.get(int(self.step), f"{self.step:.0f}-month")
        if self.unit == "workday":
            return "working-day"
        seconds = self.step * (DAY if self.unit == "day" else 1)
        if self.unit == "number" or seconds in _ADJECTIVES:
            return "" if self.unit == "number" else _ADJECTIVES[seconds]
        length, name = max((length, name) for length, name in _NAMES.items() if seconds >= length or length == 1.0)
        return f"{seconds / length:.3g}-{name}"

    def times(self, times: Times, positions: Array) -> Times:
        """The times at positions of the grid of `times`, before, between or after those that it has."""
        if self.unit == "number":
            return Times(times.values[0] + self.step * positions)
        if self.unit == "second":
            values = times.values[0] + self.step * positions
            return Times(values, wall_of(values, times), times.zone)
        assert times.wall is not None
        first = times.wall[0]
        if self.unit == "month":
            wall = _months_after(first, (self.step * positions).astype(int), at_month_end(times.wall))
        elif self.unit == "workday":
            start = np.datetime64(int(first // DAY), "D")
            wall = np.busday_offset(start, positions).astype("M8[D]").astype(float) * DAY + first % DAY
        else:
            wall = first + self.step * DAY * positions
        return Times(_values_of(wall, times), wall, times.zone)


def find_grid(times: Times) -> Grid | None:
    """The grid on which all times lie; None where they are irregular, or fewer than three."""
    if len(times) < 3:
        return None
    steps = np.diff(times.values)
    if times.wall is None:
        return _even("number", steps)
    median, wall = np.median(steps), np.diff(times.wall)
    if median < 0.9 * DAY:
        return _even("second", steps)
    return _workdays(times.wall, wall) or _even("day", wall / DAY, whole=True) or _months(times.wall)


def _even(unit: Literal["number", "second", "day"], steps: Array, *, whole: bool = False) -> Grid | None:
    step = float(np.median(steps))
    if whole and abs(step - round(step)) > _TOLERANCE:
        return None
    counts = np.round(steps / step)
    # the distance from the grid, not from the time before: errors must not add up to a row
    positions = np.concatenate([[0.0], np.cumsum(counts)])
    beside = np.abs(np.concatenate([[0.0], np.cumsum(steps)]) / step - positions)
    if counts.min() < 1 or beside.max() > max(_TOLERANCE, 1e-9 * positions[-1]):
        return None
    return _unless_sparse(unit, step, positions.astype(np.int64))


def _workdays(wall: Array, steps: Array) -> Grid | None:
    """Rows of working days: none on a Saturday or Sunday, and at least one of two neighbours a day apart."""
    days = (wall // DAY).astype(np.int64)
    weekend = (days + 3) % 7 >= 5  # day 0 was a Thursday
    if len(days) < 6 or weekend.any() or np.median(steps) != DAY or len(set((wall % DAY).tolist())) > 1:
        return None
    positions = np.busday_count(days[0].astype("M8[D]"), days.astype("M8[D]"))
    return _unless_sparse("workday", 1.0, positions) if days[-1] - days[0] > 6 else None


def _months(wall: Array) -> Grid | None:
    months, start = _month_of(wall)
    same_day = len(set(np.round(wall - start, 3).tolist())) == 1
    steps = np.diff(months)
    if not (same_day or at_month_end(wall)) or steps.min() < 1:
        return None
    step = int(np.median(steps))
    if (steps % step).any():
        return None
    return _unless_sparse("month", float(step), (months - months[0]) // step)


def _unless_sparse(unit: Literal["number", "second", "day", "workday", "month"], step: float, at: Array) -> Grid | None:
    return Grid(unit, step, at) if at[-1] + 1 <= (1 + _MOST_MISSING) * len(at) else None


def _month_of(wall: Array) -> tuple[Array, Array]:
    """Months since 1970 and the seconds at which each begins."""
    months = wall.astype("M8[s]").astype("M8[M]")
    return months.astype(np.int64), months.astype("M8[s]").astype(float)


def at_month_end(wall: Array) -> bool:
    """Whether all times lie on the last day of a month."""
    return bool((_month_of(wall)[0] != _month_of(wall + DAY)[0]).all())


def _months_after(first: float, months: Array, at_end: bool) -> Array:
    number, start = _month_of(np.array([first]))
    if at_end:  # a day before the next month begins
        begins = (number[0] + months + 1).astype("M8[M]").astype("M8[s]").astype(float)
        return np.asarray(begins - DAY + first % DAY)
    return np.asarray((number[0] + months).astype("M8[M]").astype("M8[s]").astype(float) + (first - start[0]))


def wall_of(values: Array, times: Times) -> Array:
    """What a clock on the wall shows at these times: in the zone, or as far from UTC as at the end of `times`."""
    assert times.wall is not None
    if times.zone is None:
        return np.asarray(values + (times.wall[-1] - times.values[-1]))
    zone = ZoneInfo(times.zone)
    moments = (datetime.fromtimestamp(value, zone) for value in values.tolist())
    return np.array([(moment.replace(tzinfo=None) - EPOCH).total_seconds() for moment in moments])


def _values_of(wall: Array, times: Times) -> Array:
    """Seconds since 1970 for what a clock on the wall shows."""
    assert times.wall is not None
    if times.zone is None:
        return np.asarray(wall - (times.wall[-1] - times.values[-1]))
    zone = ZoneInfo(times.zone)
    moments = ((EPOCH + timedelta(seconds=seconds)).replace(tzinfo=zone) for seconds in wall.tolist())
    return np.array([moment.timestamp() for moment in moments])
