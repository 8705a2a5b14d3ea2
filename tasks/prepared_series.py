"""From a user's table to a standardised series: inputs and what is predicted, in transformed units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError, listed, short
from tasks.inputs import Inputs, make_inputs
from tasks.reading import Reading, Selection
from tasks.rows import Rows, read_rows
from tasks.table import table_path
from tasks.time_column import Times
from tasks.transform import RELATIVE, Transform, require_possible, transformed


@dataclass(frozen=True, eq=False)
class PreparedSeries:
    """`values` `(rows, inputs)` float64: the targets first, transformed, then the other inputs in their own units.

    levels: `(rows, targets)`, the targets in their own units. names: of the inputs. ahead: those that are known in
    advance. words: of categorical columns. left_out: inputs that were constant. added: rows that the file lacks.
    resampled: rows of the file, where periods were made of them, else 0.
    sha256: of the file. spare: its columns that are not used. notes: what was done to the data, a sentence each.
    times: of the file's rows of data; None without a time column. A transform may lose the first row of `values`.
    measured: `(rows, targets)` bool, False where a value was missing and the last one is repeated; None: all were
    measured.
    """

    path: str
    sha256: str
    names: tuple[str, ...]
    values: Array
    levels: Array
    ahead: frozenset[str]
    words: dict[str, tuple[str, ...]]
    left_out: tuple[str, ...]
    added: int
    resampled: int
    spare: tuple[str, ...]
    notes: tuple[str, ...]
    times: Times | None = None
    measured: Array | None = None


@dataclass(frozen=True, eq=False)
class Standardised:
    """`values` `(rows, columns)`: each column less its `mean` over its `scale`, both `(columns,)`, in its own units."""

    values: Array
    mean: Array
    scale: Array


def prepare(path: str, reading: Reading, selection: Selection, transform: Transform) -> PreparedSeries:
    """Read and check a table. UserError, one line, for everything that a file can have wrong.

    path: a CSV or Parquet file, or the name of a CSV file that is shipped in `tasks/data`.
    """
    rows = read_rows(table_path(path), reading, selection, allow_future=bool(selection.known))
    inputs = make_inputs(rows, selection)
    count = len(rows) - rows.future
    inputs = Inputs(inputs.names, inputs.values[:count], inputs.ahead)
    levels = inputs.values[:, : len(selection.targets)]
    _require_varying(path, selection.targets, levels)
    inputs, left_out = _without_constants(inputs, len(selection.targets))
    notes = list(rows.notes)
    if rows.future:
        notes.append(f"the last {rows.future:,} rows have no target: they are left for predict")
    if left_out:
        notes.append(f"constant inputs are left out: {listed(left_out)}")
    values, levels = in_transformed_units(path, selection.targets, inputs.values, transform)
    lost = count - len(values)
    return PreparedSeries(
        path,
        rows.sha256,
        inputs.names,
        values,
        levels,
        inputs.ahead,
        rows.words,
        left_out,
        rows.added,
        rows.resampled,
        rows.spare,
        tuple(notes),
        rows.times,
        _measured(rows, selection.targets, slice(lost, count)),
    )


def _measured(rows: Rows, targets: Sequence[str], part: slice) -> Array | None:
    """`(rows, targets)` bool for a part of the rows; None where no target was filled there."""
    everywhere = np.zeros(len(rows), dtype=bool)
    measured = np.stack([~rows.filled.get(name, everywhere)[part] for name in targets], axis=1)
    return None if measured.all() else measured


def in_transformed_units(path: str, targets: Sequence[str], values: Array, transform: Transform) -> tuple[Array, Array]:
    """Inputs `(rows, I)` with the targets transformed, and the targets in their own units; without a first row that a
    relative transform loses. UserError where a target has no logarithm."""
    levels = values[:, : len(targets)]
    if transform == "none":
        return values, levels
    require_possible(path, targets, levels, transform)
    values = np.concatenate([transformed(levels, transform), values[:, len(targets) :]], axis=1)
    lost = int(transform in RELATIVE)
    return values[lost:], levels[lost:]


def standardise(series: PreparedSeries, train_rows: int, targets: int) -> Standardised:
    """Scale all rows by mean and standard deviation of the first `train_rows`. UserError where that is not possible.

    targets: the first columns, of which none may be constant in these rows. An input that is gets scale 1.
    """
    train = series.values[:train_rows]
    constant = train.min(axis=0) == train.max(axis=0)
    for column, (name, value, flat) in enumerate(zip(series.names[:targets], train[0], constant, strict=False)):
        if flat and np.ptp(series.levels[:train_rows, column]) > 0:
            raise UserError(
                f"{series.path}: target column {short(name)} changes by the same ({value:g}) from row to row in its "
                f"first {train_rows} rows, with which the earliest training begins: leave out --transform, or cut the "
                "file where the changes begin to vary"
            )
        if flat:
            raise UserError(
                f"{series.path}: target column {short(name)} is constant ({value:g}) in its first {train_rows} rows, "
                "with which the earliest training begins: cut the file where the column begins to vary"
            )
    found = scaled(series.values, train)
    # bounds within which squared errors, in standard and in the column's own units, stay finite
    with np.errstate(all="ignore"):
        usable = (np.abs(found.values) < 1e15).all(axis=0) & (found.scale > 1e-100) & (found.scale < 1e100)
    for name, fine in zip(series.names, usable, strict=True):
        if not fine:
            raise UserError(
                f"{series.path}: column {short(name)} has values too large, or too far apart, to standardise: "
                "rescale it"
            )
    return found


def scaled(values: Array, train: Array) -> Standardised:
    """Values `(rows, columns)` by mean and standard deviation of the rows `train`; a constant column has scale 1."""
    with np.errstate(all="ignore"):  # an overflow becomes an error for the user
        mean, scale = train.mean(axis=0), train.std(axis=0)
        scale = np.where((train.min(axis=0) == train.max(axis=0)) | (scale == 0), 1.0, scale)
        return Standardised((values - mean) / scale, mean, scale)


def _require_varying(path: str, targets: Sequence[str], levels: Array) -> None:
    for name, column in zip(targets, levels.T, strict=True):
        if column.min() == column.max():
            raise UserError(
                f"{path}: target column {short(name)} is constant ({column[0]:g}): there is nothing to predict"
            )


def _without_constants(inputs: Inputs, targets: int) -> tuple[Inputs, tuple[str, ...]]:
    """Without those that never vary, of which no model can learn anything; and their names."""
    varies = inputs.values.min(axis=0) != inputs.values.max(axis=0)
    varies[:targets] = True
    kept = tuple(name for name, fine in zip(inputs.names, varies, strict=True) if fine)
    return inputs.only(kept), tuple(name for name in inputs.names if name not in kept)
