"""What is predicted of a series: each target column at each horizon, in transformed and standardised units."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError, short
from tasks.prepared_series import PreparedSeries, Standardised, scaled
from tasks.transform import RELATIVE, Transform, transformed

MOST_HORIZONS = 1000


def parse_horizons(text: str) -> tuple[int, ...]:
    """Horizons as `1-10` (all of them) or `1,6,12`; UserError for anything else."""
    match = re.fullmatch(r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*", text)
    if match:
        found = tuple(range(int(match[1]), min(int(match[2]), int(match[1]) + MOST_HORIZONS) + 1))
    elif re.fullmatch(r"\s*\d{1,9}\s*([,+]\s*\d{1,9}\s*)*", text):
        found = tuple(int(part) for part in re.split(r"[,+]", text))
    else:
        found = ()
    if not found or found[0] < 1 or len(found) > MOST_HORIZONS or sorted(set(found)) != list(found):
        raise UserError(
            f"--horizons is {short(text)}: expected 1-10 (the next ten rows) or 1,6,12, rising, up to {MOST_HORIZONS} "
            "of them"
        )
    return found


@dataclass(frozen=True, eq=False)
class ForecastTargets:
    """Outputs are ordered by column, then by horizon.

    values: `(rows, O)` standardised: row r has what is predicted by a forecast whose furthest horizon is row r. The
    first rows have none (NaN) where values are relative. base: `(rows, O)`, the targets in their own units at the row
    at which that forecast is made. mean, scale: `(O,)`, of the transformed units.
    """

    values: Array
    base: Array
    mean: Array
    scale: Array


def forecast_targets(
    series: PreparedSeries, units: Standardised, train_rows: int, horizons: tuple[int, ...], transform: Transform
) -> ForecastTargets:
    """Targets of all rows, scaled by what the first `train_rows` show; those of one row ahead, and those that are not
    relative, as the inputs are."""
    count, furthest = series.levels.shape[1], horizons[-1]
    values, mean, scale = [], [], []
    for column in range(count):
        for horizon in horizons:
            found, center, width = units.values[:, column], units.mean[column], units.scale[column]
            if transform in RELATIVE and horizon > 1:  # from the row at which the forecast is made
                changes = transformed(series.levels[:, [column]], transform, horizon)
                own = scaled(changes, changes[horizon:train_rows])
                found, center, width = own.values[:, 0], own.mean[0], own.scale[0]
            values.append(later(found, furthest - horizon))
            mean.append(center)
            scale.append(width)
    base = np.repeat(later(series.levels, furthest), len(horizons), axis=1)
    return ForecastTargets(np.stack(values, axis=1), base, np.array(mean), np.array(scale))


def later(values: Array, rows: int) -> Array:
    """Each value `rows` rows later, `(rows, …)`; NaN where none comes there."""
    found = np.full(values.shape, np.nan)
    found[rows:] = values[: len(values) - rows]
    return found
