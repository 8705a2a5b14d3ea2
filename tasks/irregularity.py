"""What a user should know of the steps of a table's time column, with the flag that makes them regular."""

from __future__ import annotations

import numpy as np

from tasks.errors import short
from tasks.reading import Reading
from tasks.resampling import usual_period
from tasks.time_column import Times, looks_like_days
from tasks.time_grid import Grid

_COARSER = {"minute": "h", "hourly": "D", "daily": "W", "working-day": "W", "weekly": "M", "monthly": "Q"}


def days_as_numbers(times: Times) -> bool:
    """Whether the times are numbers that look like days, as 20240331."""
    return times.wall is None and looks_like_days(times.values)


def irregularity(reading: Reading, times: Times, grid: Grid | None) -> list[str]:
    """What a user should know of the steps of time; usually nothing."""
    if grid is not None and not grid.missing:
        return []
    if grid is None:
        steps = np.diff(times.values)
        if not len(steps) or steps.max() <= 1.5 * np.median(steps):  # irregular by less than a row
            return []
        usual = f"steps up to {steps.max() / np.median(steps):.3g} times the usual one"
        regular = f"; --resample {usual_period(float(np.median(steps)))}, say, makes it regular"
        mend = f"kept as it is{regular if times.wall is not None else ''}"
        return [f"time column {short(reading.time or '')} has {usual}: {mend}"]
    adjective = f"{grid.adjective} " if grid.adjective else ""
    first = times.text(int(np.flatnonzero(np.diff(grid.positions) > 1)[0]))
    sentence = f"{grid.missing:,} of {int(grid.positions[-1]) + 1:,} {adjective}rows are missing"
    if reading.fill == "forward":
        return [f"{sentence}: added and filled forward"]
    longer = _COARSER.get(grid.adjective)
    other = f", --resample {longer} makes longer steps" if longer and reading.resample is None else ""
    clocks = ""
    if grid.unit == "second" and grid.missing <= 1 + len(times) // 4000 and times.zone is None:
        clocks = "; where clocks are set forward, --time-zone, as in Europe/Berlin, tells that none is missing"
    return [f"{sentence} (the first after {first}): kept as it is; --fill forward adds them{other}{clocks}"]
