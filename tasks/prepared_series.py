"""From a CSV table to a standardised series: columns chosen, gaps reported or filled, scale fitted on the past only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.contract import Array
from tasks.csv_table import Table, read_table
from tasks.errors import UserError
from tasks.windows import chronological_parts

SHIPPED = Path(__file__).parent / "data"


@dataclass(frozen=True, eq=False)
class PreparedSeries:
    """`values` `(rows, columns)` float64: the targets first, then the features, each less its `mean` over `scale`.

    mean, scale: `(columns,)`, in the columns' own units, fitted on the first 70 % of the rows.
    spare: columns of the file that nobody asked for. notes: what was done to the data, a sentence each.
    """

    path: str
    sha256: str
    values: Array
    mean: Array
    scale: Array
    spare: tuple[str, ...]
    notes: tuple[str, ...]


def prepare(
    path: str,
    targets: Sequence[str],
    features: Sequence[str],
    *,
    time: str | None,
    fill_forward: bool,
    least_rows: int,
    growth: bool = False,
) -> PreparedSeries:
    """Read, check and standardise. UserError, one line, for everything that a CSV file can have wrong.

    path: a CSV file, or the name of one that is shipped in `tasks/data`. growth: take columns as growth in percent.
    """
    shipped = SHIPPED / path
    table = read_table(shipped if not Path(path).exists() and shipped.parent == SHIPPED and shipped.is_file() else path)
    names = [*targets, *features]
    for name in names if time is None else [*names, time]:
        table.text(name)  # an unknown column is a better message than what follows from it
    notes = [] if time is None else _irregularity(time, table.increasing(time))
    columns = [table.numbers(name) for name in names]
    notes += _missing(table, names, columns, fill_forward)
    if len(table.rows) - growth < least_rows:
        raise UserError(
            f"{path} has {len(table.rows)} rows, but this window and horizon need at least {least_rows} (training, "
            "validation and test data must each hold a window): give more rows or a smaller window"
        )
    values = np.stack([_fill_forward(column) for column in columns], axis=1)
    if growth:
        values = growth_percent(path, names, values)
    train = values[chronological_parts(len(values))[0]]
    for name, whole, past in zip(targets, values.T, train.T, strict=False):
        if whole.min() == whole.max():
            raise UserError(f"{path}: target column '{name}' is constant ({whole[0]:g}): there is nothing to predict")
        if past.min() == past.max():
            raise UserError(
                f"{path}: target column '{name}' is constant ({past[0]:g}) in its first 70 %, the training data"
            )
    with np.errstate(all="ignore"):  # what overflows is told to the user below
        mean, scale = train.mean(axis=0), train.std(axis=0)
        scale = np.where((train.min(axis=0) == train.max(axis=0)) | (scale == 0), 1.0, scale)
        standardised = (values - mean) / scale
        # bounds within which squared errors, in standard and in the column's own units, stay finite
        usable = (np.abs(standardised) < 1e15).all(axis=0) & (scale > 1e-100) & (scale < 1e100)
    for name, fine in zip(names, usable, strict=True):
        if not fine:
            raise UserError(
                f"{path}: column '{name}' has values too large, or too far apart, to standardise: rescale it"
            )
    spare = tuple(name for name in table.names if name not in (*names, time))
    return PreparedSeries(path, table.sha256, standardised, mean, scale, spare, tuple(notes))


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
