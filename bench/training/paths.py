"""Forecasts of the next rows, one after the other: beyond the furthest horizon a model looks at its own forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bench.models.contract import Problem
from tasks.contract import Array, Columns
from tasks.errors import UserError, listed
from tasks.inputs import measured
from tasks.transform import RELATIVE, own_units, transformed


class TableModel(Protocol):
    """What forecasts a table: a net from a checkpoint (`LoadedModel`), or a predictor without one."""

    @property
    def path(self) -> str:
        """What messages call it."""

    @property
    def about(self) -> Mapping[str, Any]:
        """The task that it was fitted on, and its newest validation rows."""

    @property
    def problem(self) -> Problem: ...

    @property
    def columns(self) -> Columns | None: ...

    def predict(self, inputs: Array) -> Array:
        """Raw outputs for standardised windows."""


@dataclass(frozen=True)
class Horizons:
    """How many rows ahead the outputs of a model lie. Outputs are ordered by target, then by horizon."""

    ahead: tuple[int, ...]
    targets: int

    @classmethod
    def of(cls, columns: Columns) -> Horizons:
        ahead = columns.horizons or (columns.horizon,)
        return cls(ahead, len(columns.outputs) // len(ahead))

    def serving(self, step: int) -> int | None:
        """The horizon that gives the row `step` rows ahead from rows that are known; None beyond the furthest."""
        return next((horizon for horizon in self.ahead if horizon >= step), None)


def require_rollable(columns: Columns, steps: int) -> None:
    """UserError where forecasts would have to serve as inputs, and some inputs are neither forecast nor known."""
    horizons = Horizons.of(columns)
    furthest = horizons.ahead[-1]
    if steps > furthest and (others := measured(columns.selection, columns.inputs, horizons.targets)):
        raise UserError(
            f"--steps {steps} goes beyond the {furthest} row{'s' * (furthest > 1)} that the model forecasts, so "
            f"that forecasts would be its inputs, and it has no forecast of {listed(others)}: train with "
            f"--horizons 1-{steps}, or with --known {','.join(others)} if future values are known"
        )


def paths(model: TableModel, windows: Array, base: Array | None, steps: int, later: Array | None = None) -> Array:
    """Forecasts of the next rows from each of several consecutive rows: `(n, steps, targets)` in the columns' units.

    windows: `(n, window, I)`, standardised, each a row after the one before. base: `(n, targets)`, the targets at their
    last rows; None where the transform needs none. A row between horizons is forecast at the next longer one, from an
    earlier window; the first windows have none, and their forecasts are NaN. later: `(m, I)`, standardised input rows
    after those of the last window, of which what is known in advance counts. A model that looks at such inputs has no
    forecast, NaN, where they end.
    """
    columns = model.columns
    assert columns is not None
    horizons, count = Horizons.of(columns), len(windows)
    direct = _levels(columns, horizons, model.predict(np.ascontiguousarray(windows)), base)
    found = np.full((count, steps, horizons.targets), np.nan)
    furthest, first = horizons.ahead[-1], 0  # the first window whose next rows all have a forecast
    for step in range(1, min(steps, furthest) + 1):
        horizon = horizons.serving(step)
        assert horizon is not None
        earlier = horizon - step
        first = max(first, earlier)
        found[earlier:, step - 1] = direct[: count - earlier, :, horizons.ahead.index(horizon)]
    if steps > furthest and first < count:
        start = None if base is None else base[first:]
        rows = windows[first:, -1] if later is None else np.concatenate([windows[first:, -1], later])
        known = rows[:, horizons.targets :]
        found[first:] = _rolled(model, columns, horizons, windows[first:], start, found[first:], known)
    return found


def _rolled(
    model: TableModel,
    columns: Columns,
    horizons: Horizons,
    windows: Array,
    base: Array | None,
    found: Array,
    known: Array,
) -> Array:
    """`found` with the rows beyond the furthest horizon: each is that many rows after a row that is itself forecast.

    known: `(rows, inputs without targets)`, of the last row of each window and of the rows after it.
    """
    found, furthest, width = found.copy(), horizons.ahead[-1], horizons.targets
    mean, scale = np.array(columns.input_mean[:width]), np.array(columns.input_scale[:width])
    for step in range(furthest + 1, found.shape[1] + 1):
        made_at = step - furthest  # the row that the window ends with, counted from the last one that is known
        count = min(len(windows), len(known) - made_at) if known.shape[1] else len(windows)
        if count < 1:
            break
        windows, forecast = windows[:count], found[:count, made_at - 1]
        before = found[:count, made_at - 2] if made_at > 1 else None if base is None else base[:count]
        row = _transformed(columns, forecast, before)
        row = (row - mean) / scale if columns.input_scale else row
        if known.shape[1]:
            row = np.concatenate([row, known[made_at : made_at + count]], axis=1)
        windows = np.concatenate([windows[:, 1:], row[:, None].astype(windows.dtype)], axis=1)
        start = forecast if columns.transform in RELATIVE else None
        found[:count, step - 1] = _levels(columns, horizons, model.predict(windows), start)[:, :, -1]
    return found


def _levels(columns: Columns, horizons: Horizons, outputs: Array, base: Array | None) -> Array:
    """Raw outputs `(n, O)` as `(n, targets, horizons)` in the columns' own units."""
    values = np.asarray(outputs, dtype=np.float64)
    if columns.output_scale:
        values = values * np.array(columns.output_scale) + np.array(columns.output_mean)
    start = None if base is None else np.repeat(base, len(horizons.ahead), axis=1)
    levels = own_units(values, start if columns.transform in RELATIVE else None, columns.transform)
    return levels.reshape(len(levels), horizons.targets, len(horizons.ahead))


def _transformed(columns: Columns, levels: Array, before: Array | None) -> Array:
    """Levels `(n, targets)` as inputs have them. before: those of the row before."""
    if columns.transform not in RELATIVE:
        return transformed(levels, columns.transform)
    assert before is not None
    pairs = np.stack([before, levels])
    return np.asarray(transformed(pairs.reshape(2, -1), columns.transform)[1].reshape(levels.shape))
