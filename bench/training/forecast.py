"""Forecast the rows after the end of a table with the models that an experiment kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.records.plain import guarded
from bench.training.conformal import FEWEST, LEVEL, half_widths, interval
from bench.training.paths import Horizons, TableModel, paths, require_rollable
from bench.training.validation_rows import unpack
from tasks.contract import Array, Columns
from tasks.errors import UserError, listed
from tasks.new_rows import NewRows, read_new_rows
from tasks.transform import RELATIVE


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts of the rows after the last one with targets.

    times: of these rows, as the file writes them, or their numbers (1 is the first row of the file). time: the name of
    that column. values, low, high: `(steps, targets)` in the columns' own units; low and high are NaN where there is no
    interval. notes: what a reader should know of it, a sentence each.
    """

    time: str
    times: tuple[str, ...]
    targets: tuple[str, ...]
    values: Array
    low: Array
    high: Array
    notes: tuple[str, ...] = ()

    @property
    def header(self) -> list[str]:
        """The names of the columns: each target with its bounds, which are `low` and `high` for a single one."""
        ends = [""] if len(self.targets) == 1 else [f"_{name}" for name in self.targets]
        names = zip(self.targets, ends, strict=True)
        return [self.time, *(column for name, end in names for column in (name, f"low{end}", f"high{end}"))]

    def rows(self) -> list[list[float]]:
        """The numbers of each row, in the order of the header, without its time."""
        return np.stack([self.values, self.low, self.high], axis=2).reshape(len(self.times), -1).tolist()

    def to_csv(self) -> str:
        """As CSV, with all digits; a bound that is not known is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*map(guarded, self.header)])
        for time, numbers in zip(self.times, self.rows(), strict=True):
            writer.writerow([time, *("" if number != number else number for number in numbers)])
        return text.getvalue()


def forecast(models: Sequence[TableModel], table: str, steps: int | None = None) -> Forecast:
    """Forecast the next rows of a table, read, filled and transformed as the models' training data were.

    models: one, whose interval holds the next value with a probability of 90 %; or several of one experiment, whose
    mean is forecast, with the lowest and the highest of them as its bounds. steps: rows; None: as many as the model
    forecasts at once.

    UserError for a table that lacks what the models need, and for steps that they cannot roll forward to.
    """
    found = [_of_one(model, table, steps) for model in models]
    if len(found) == 1:
        return found[0]
    values = np.stack([each.values for each in found])
    first = found[0]
    note = f"the mean of {len(found)} models; low and high are the lowest and the highest of them"
    low, high = values.min(axis=0), values.max(axis=0)
    return Forecast(first.time, first.times, first.targets, values.mean(axis=0), low, high, (note,))


def _of_one(model: TableModel, table: str, steps: int | None) -> Forecast:
    columns = table_columns(model)
    horizons = Horizons.of(columns)
    steps = horizons.ahead[-1] if steps is None else steps
    if steps < 1:
        raise UserError(f"--steps is {steps}: expected 1 or more")
    require_rollable(columns, steps)
    new = read_new_rows(table, columns, model.path, steps)
    # as many windows as the longest horizon reaches back
    windows, later = new.inputs[-horizons.ahead[-1] :], new.later
    _require_known(table, columns, new, steps)
    if columns.input_scale:
        mean, scale = np.array(columns.input_mean), np.array(columns.input_scale)
        windows, later = (windows - mean) / scale, (later - mean) / scale
    base = new.levels[new.made_at[-len(windows) :]] if columns.transform in RELATIVE else None
    found = paths(model, windows.astype(np.float32), base, steps, later)[-1]
    widths, notes = _widths(model, columns, steps)
    low, high = interval(columns, found, widths)
    rows = int(new.made_at[-1]) + 1 + np.arange(steps)
    kept = ~np.isnan(found).any(axis=1) & (rows >= len(new.levels) - new.to_come)
    if not kept.any():
        known = columns.selection.known if columns.selection is not None else ()
        if known:
            raise UserError(
                f"{table} ends with a target, but a forecast looks at {listed(known)} of its own row (--known): add "
                f"the next {horizons.ahead[-1]} rows, with {listed(known)} and without a target"
            )
        raise UserError(f"{table}: no forecast lies after its last row: give --steps with a larger number")
    times = [new.time_of(row) for row in rows[kept].tolist()]
    reading = columns.reading
    if reading is not None and reading.time is not None and all(time is not None for time in times):
        time = reading.time
    else:
        time, times = "row", [str(row + 1) for row in rows[kept].tolist()]
    targets = columns.inputs[: horizons.targets]
    return Forecast(time, tuple(map(str, times)), targets, found[kept], low[kept], high[kept], notes)


def _require_known(table: str, columns: Columns, new: NewRows, steps: int) -> None:
    """UserError where forecasts beyond the furthest horizon look at rows that the table lacks."""
    furthest, known = columns.horizon, columns.selection.known if columns.selection is not None else ()
    looks = len(columns.inputs) > Horizons.of(columns).targets
    if known and looks and steps > furthest and steps > furthest + len(new.later):
        has = f"{new.to_come} row{'s' * (new.to_come != 1)}"
        raise UserError(
            f"{table} ends with {has} without a target, but --steps {steps} looks at {listed(known)} of each row to be "
            f"forecast (--known): add rows until there are {steps}, with {listed(known)}, or give a smaller --steps"
        )


def table_columns(model: TableModel) -> Columns:
    """How the model reads a table; UserError where its task's sequences are no rows of one."""
    if model.columns is None or model.problem.per_step:
        name = model.about["task"]["name"]
        raise UserError(
            f"{model.path} was trained on task {name}, whose sequences are not rows of a table: use "
            "bench.load_model(path) in Python, with inputs as that task makes them"
        )
    return model.columns


def _widths(model: TableModel, columns: Columns, steps: int) -> tuple[Array, tuple[str, ...]]:
    """Half widths `(steps, targets)`, NaN where they are not known, and why."""
    targets = Horizons.of(columns).targets
    rows = unpack(model.about.get("validation"), columns.window, len(columns.inputs), len(columns.outputs))
    if rows is None:
        return np.full((steps, targets), np.nan), ("no interval: the checkpoint holds no validation rows",)
    widths = half_widths(model, rows, steps)
    lacking = int(np.isnan(widths).any(axis=1).sum())
    if not lacking:
        return widths, ()
    needed = f"{FEWEST} validation forecasts are needed for {100 * LEVEL:.0f} %"
    note = f"no interval for {lacking} of {steps} rows: {needed}"
    return widths, (note,)
