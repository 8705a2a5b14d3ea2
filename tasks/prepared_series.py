"""From a CSV table to a standardised series: chosen columns, gaps reported or filled, a scale from the past alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.contract import Array
from tasks.csv_table import Table, read_table
from tasks.errors import UserError

SHIPPED = Path(__file__).parent / "data"


@dataclass(frozen=True, eq=False)
class PreparedSeries:
    """`values` `(rows, columns)` float64 in the columns' own units: the targets first, then the features.

    sha256: of the file. spare: its columns that are not used. notes: what was done to the data, a sentence each.
    times: the time column as it stands, one text a row of `values`; () without one.
    """

    path: str
    sha256: str
    names: tuple[str, ...]
    values: Array
    spare: tuple[str, ...]
    notes: tuple[str, ...]
    times: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Standardised:
    """`values` `(rows, columns)`: each column less its `mean` over its `scale`, both `(columns,)`, in its own units."""

    values: Array
    mean: Array
    scale: Array


def prepare(
    path: str,
    targets: Sequence[str],
    features: Sequence[str],
    *,
    time: str | None,
    fill_forward: bool,
    growth: bool = False,
) -> PreparedSeries:
    """Read and check a table. UserError, one line, for everything that a CSV file can have wrong.

    path: a CSV file, or the name of one that is shipped in `tasks/data`. growth: take columns as growth in percent.
    """
    shipped = SHIPPED / path
    table = read_table(shipped if not Path(path).exists() and shipped.parent == SHIPPED and shipped.is_file() else path)
    names = (*targets, *features)
    for name in names if time is None else (*names, time):
        table.text(name)  # an unknown column is a better message than what follows from it
    notes = [] if time is None else _irregularity(time, table.increasing(time))
    columns = [table.numbers(name) for name in names]
    notes += _missing(table, names, columns, fill_forward)
    values = np.stack([_fill_forward(column) for column in columns], axis=1)
    if growth:
        values = growth_percent(path, names, values)
    for name, column in zip(targets, values.T, strict=False):
        if column.min() == column.max():
            raise UserError(f"{path}: target column '{name}' is constant ({column[0]:g}): there is nothing to predict")
    spare = tuple(name for name in table.names if name not in (*names, time))
    times = () if time is None else tuple(table.text(time)[-len(values) :])  # growth has one row less
    return PreparedSeries(path, table.sha256, names, values, spare, tuple(notes), times)


def standardise(series: PreparedSeries, train_rows: int, targets: int) -> Standardised:
    """Scale all rows by mean and standard deviation of the first `train_rows`. UserError where that is not possible.

    targets: the first columns, of which none may be constant in these rows. A feature that is gets scale 1.
    """
    values = series.values
    train = values[:train_rows]
    constant = train.min(axis=0) == train.max(axis=0)
    for name, value, flat in zip(series.names[:targets], train[0], constant, strict=False):
        if flat:
            raise UserError(
                f"{series.path}: target column '{name}' is constant ({value:g}) in its first {train_rows} rows, with "
                "which the earliest training begins: cut the file where the column begins to vary"
            )
    with np.errstate(all="ignore"):  # an overflow becomes an error for the user below
        mean, scale = train.mean(axis=0), train.std(axis=0)
        scale = np.where(constant | (scale == 0), 1.0, scale)
        standardised = (values - mean) / scale
        # bounds within which squared errors, in standard and in the column's own units, stay finite
        usable = (np.abs(standardised) < 1e15).all(axis=0) & (scale > 1e-100) & (scale < 1e100)
    for name, fine in zip(series.names, usable, strict=True):
        if not fine:
            raise UserError(
                f"{series.path}: column '{name}' has values too large, or too far apart, to standardise: rescale it"
            )
    return Standardised(standardised, mean, scale)


def _irregularity(time: str, times: Array) -> list[str]:
    steps = np.diff(times)
    if steps.max() <= 1.5 * np.median(steps):  # months of 28 to 31 days are regular
        return []
    return [
        f"time column '{time}' has steps up to {steps.max() / np.median(steps):.3g} times the usual one: kept as it is"
    ]


def _missing(table: Table, names: Sequence[str], columns: Sequence[Array], fill_forward: bool) -> list[str]:
    """A sentence for each column with gaps; UserError where they may not or cannot be filled."""
    found = []
    for name, column in zip(names, columns, strict=True):
        gaps = np.flatnonzero(np.isnan(column))
        if not len(gaps):
            continue
        lines = ", ".join(str(table.lines[i]) for i in gaps[:5]) + (", …" if len(gaps) > 5 else "")
        found.append(f"column '{name}' misses {len(gaps)} of {len(column)} values (lines {lines})")
        if fill_forward and gaps[0] == 0:
            raise UserError(
                f"{table.path}: {found[-1]}, and nothing stands before the first: cut the file where the column begins"
            )
    if found and not fill_forward:
        raise UserError(f"{table.path}: {'; '.join(found)}: fill them in, or repeat the last value with --fill forward")
    return [f"{sentence}: filled forward" for sentence in found]


def _fill_forward(column: Array) -> Array:
    known = np.where(np.isnan(column), 0, np.arange(len(column)))
    return np.asarray(column[np.maximum.accumulate(known)])


def growth_percent(path: str, names: Sequence[str], values: Array) -> Array:
    """`(rows − 1, columns)`: 100 times the difference of logarithms; UserError where a value is not above 0."""
    for name, column in zip(names, values.T, strict=True):
        if column.min() <= 0:
            raise UserError(f"{path}: column '{name}' has the value {column.min():g}: growth needs values above 0")
    return np.asarray(100 * np.diff(np.log(values), axis=0))
