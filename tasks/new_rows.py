"""New rows for a trained model: read, filled and transformed as those were that it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks.contract import Array, Columns
from tasks.errors import UserError, listed, short
from tasks.inputs import Inputs, make_inputs
from tasks.prepared_series import in_transformed_units
from tasks.reading import Reading, Selection
from tasks.rows import Rows, read_rows
from tasks.table import read_table, table_path
from tasks.time_column import Times
from tasks.time_grid import Grid
from tasks.transform import RELATIVE, own_units


@dataclass(frozen=True, eq=False)
class NewRows:
    """Windows of a table, one for each row at which a forecast can be made.

    inputs: `(n, window, I)`, transformed, not standardised. made_at: `(n,)`, the row of the table (0 is the first) that
    each window ends with. levels: `(rows, targets)`, in their own units; NaN in rows that are still to come. later:
    `(m, I)`, the input rows that follow the last window, in which only what is known in advance is a number.
    times: of the table's rows; grid: how they go on, so that rows after the last one have times too.
    """

    columns: Columns
    inputs: Array
    made_at: Array
    levels: Array
    later: Array
    times: Times | None
    grid: Grid | None

    @property
    def to_come(self) -> int:
        """Rows at the end of the table without a target."""
        known = np.flatnonzero(~np.isnan(self.levels).any(axis=1))
        return len(self.levels) - (int(known[-1]) + 1 if len(known) else 0)

    @property
    def horizons(self) -> tuple[int, ...]:
        """How many rows ahead each output of a target lies."""
        return self.columns.horizons or (self.columns.horizon,)

    def in_units(self, outputs: Array) -> Array:
        """Outputs `(n, O)` of the model, in the transform's units, in the columns' own."""
        base = np.repeat(self.levels[self.made_at], len(self.horizons), axis=1)
        return own_units(outputs, base if self.columns.transform in RELATIVE else None, self.columns.transform)

    def time_of(self, row: int) -> str | None:
        """The time of a row of the table, or of one after its last, as people write it; None where it is not known."""
        if self.times is None:
            return None
        if row < len(self.times):
            return self.times.text(row, clock=self.times.has_clock)
        if self.grid is None:
            return None
        last = int(self.grid.positions[-1])
        next_time = self.grid.times(self.times, np.array([last + row - len(self.times) + 1]))
        return next_time.text(0, clock=self.times.has_clock)


def read_new_rows(path: str, columns: Columns, trained: str, ahead: int = 0) -> NewRows:
    """The windows of a table for a model with these columns; `trained`: what messages call the model.

    ahead: how many rows after the last one with targets are to be forecast, if more than the furthest horizon.

    Rows at the end without targets are rows to be forecast: their other columns serve as known in advance. UserError
    for a table without the columns or rows that the model needs.
    """
    selection, path = _needed(columns), table_path(path)
    reading = columns.reading or Reading()
    _require_columns(path, reading, selection, columns, trained)
    words = dict(zip((columns.selection or selection).categorical, columns.words, strict=True))
    rows = read_rows(path, reading, selection, words=words, allow_future=True)
    rows = _with_calendar(rows, selection, max(columns.horizon, ahead))
    inputs = make_inputs(rows, selection).only(columns.inputs)
    targets = _target_count(columns)
    known = len(rows) - rows.future  # rows with targets
    values, _ = in_transformed_units(path, columns.inputs[:targets], inputs.values[:known], columns.transform)
    lost = known - len(values)  # a first row that only differences of it have
    if len(values) < columns.window:
        raise UserError(
            f"{path} has {known} rows, but {trained} looks back at {columns.window + lost}: give at least as many"
        )
    values, later = _ahead(path, Inputs(inputs.names, inputs.values[lost:], inputs.ahead), values, columns)
    windows = np.lib.stride_tricks.sliding_window_view(values, columns.window, axis=0).swapaxes(1, 2)
    made_at = lost + columns.window - 1 + np.arange(len(windows))
    future = np.full((len(rows) - known, targets), np.nan)
    own = np.concatenate([inputs.values[:known, :targets], future])
    return NewRows(columns, windows, made_at, own, later, rows.times, rows.grid)


def _target_count(columns: Columns) -> int:
    return len(columns.outputs) // len(columns.horizons or (columns.horizon,))


def _needed(columns: Columns) -> Selection:
    """The columns that a file must have: those that a training left out as constant need not be there."""
    if columns.selection is None:
        return Selection(columns.inputs)
    chosen, words = columns.selection, dict(zip(columns.selection.categorical, columns.words, strict=True))
    made = {name: {name, *(f"{name}={word}" for word in words.get(name, ()))} for name in chosen.inputs}
    kept = {name for name in chosen.inputs if made[name] & set(columns.inputs)}
    parts = ("features", "categorical", "known")
    return replace(chosen, **{part: tuple(name for name in getattr(chosen, part) if name in kept) for part in parts})


def _require_columns(path: str, reading: Reading, selection: Selection, columns: Columns, trained: str) -> None:
    names = read_table(path, reading).names
    wanted = (*selection.inputs, *((reading.time,) if reading.time else ()))
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UserError(
            f"{path} has no column {', '.join(map(short, missing))}: {trained} was trained on the columns "
            f"{listed(wanted)}; the file has {listed(names)}"
        )


def _with_calendar(rows: Rows, selection: Selection, furthest: int) -> Rows:
    """Rows to be forecast, where the file has none and the calendar alone says what is known of them."""
    if not selection.calendar or selection.known or rows.future >= furthest:
        return rows
    if rows.times is None or rows.grid is None:
        raise UserError(
            f"{rows.path}: time is irregular, so the time of the row to be forecast is not known: add rows at the end "
            "with a time and without a target"
        )
    lacking = furthest - rows.future
    positions = np.concatenate([rows.grid.positions, rows.grid.positions[-1] + 1 + np.arange(lacking)])
    times = rows.grid.times(rows.times, positions)
    columns = {name: np.concatenate([values, np.full(lacking, np.nan)]) for name, values in rows.columns.items()}
    return replace(
        rows, columns=columns, times=times, grid=replace(rows.grid, positions=positions), future=rows.future + lacking
    )


def _ahead(path: str, inputs: Inputs, values: Array, columns: Columns) -> tuple[Array, Array]:
    """Input rows `(rows, I)` that are whole, with what is known of the row to be forecast in its place; and the rows
    that follow them, of which only that is known.

    inputs: of all rows, those to be forecast included; values: of the rows with targets, transformed.
    """
    ahead = [i for i, name in enumerate(inputs.names) if name in inputs.ahead]
    if not ahead:
        return values, np.empty((0, values.shape[1]))
    known = inputs.values[columns.horizon :, ahead]
    gaps = np.flatnonzero(np.isnan(known).any(axis=1))
    known = known[: gaps[0]] if len(gaps) else known
    last = min(len(values), len(known))
    values = values[:last].copy()
    values[:, ahead] = known[:last]
    later = np.full((len(known) - last, values.shape[1]), np.nan)
    later[:, ahead] = known[last:]
    if last < columns.window:
        names = ", ".join(short(inputs.names[i]) for i in ahead)
        raise UserError(
            f"{path}: {names} must be known of the row to be forecast, {columns.horizon} rows ahead: add rows at the "
            "end without a target"
        )
    return values, later
