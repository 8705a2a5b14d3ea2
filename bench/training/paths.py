"""Forecasts of the next rows, one after the other: beyond the furthest horizon a model looks at its own forecasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.training.checkpoint import LoadedModel
from tasks.contract import Array, Columns
from tasks.errors import UserError, listed
from tasks.transform import RELATIVE, own_units, transformed


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
    """UserError where forecasts would have to serve as inputs, and some inputs are not forecast."""
    horizons = Horizons.of(columns)
    if steps > horizons.ahead[-1] and len(columns.inputs) > horizons.targets:
        others = _columns_and_flags(columns, horizons.targets)
        furthest = horizons.ahead[-1]
        raise UserError(
            f"--steps {steps} goes beyond the {furthest} row{'s' * (furthest > 1)} that the model forecasts, so "
            f"that forecasts would be its inputs, and it has no forecast of {listed(others)}: train with "
            f"--horizons 1-{steps}"
        )


def _columns_and_flags(columns: Columns, targets: int) -> list[str]:
    """What a model looks at beside its targets, as it was given: columns of the file, then "the calendar"."""
    selection = columns.selection
    if selection is None:
        return list(columns.inputs[targets:])
    given = [name for name in selection.inputs if name not in columns.inputs[:targets]]
    return given + (["the calendar"] if selection.calendar else [])


def paths(model: LoadedModel, windows: Array, base: Array | None, steps: int) -> Array:
    """Forecasts of the next rows from each of several consecutive rows: `(n, steps, targets)` in the columns' units.

    windows: `(n, window, I)`, standardised, each a row after the one before. base: `(n, targets)`, the targets at their
    last rows; None where the transform needs none. A row between horizons is forecast at the next longer one, from an
    earlier window; the first windows have none, and their forecasts are NaN.
    """
    columns = model.columns
    assert columns is not None
    horizons, count = Horizons.of(columns), len(windows)
    direct = _levels(columns, horizons, model.predict(np.ascontiguousarray(windows)), base)
    found = np.full((count, steps, horizons.targets), np.nan)
    furthest = horizons.ahead[-1]
    for step in range(1, min(steps, furthest) + 1):
        horizon = horizons.serving(step)
        assert horizon is not None
        earlier = horizon - step
        found[earlier:, step - 1] = direct[: count - earlier, :, horizons.ahead.index(horizon)]
    whole = ~np.isnan(found[:, : min(steps, furthest)]).any(axis=(1, 2))
    if steps > furthest and whole.any():
        start = None if base is None else base[whole]
        found[whole] = _rolled(model, columns, horizons, windows[whole], start, found[whole])
    return found


def _rolled(
    model: LoadedModel, columns: Columns, horizons: Horizons, windows: Array, base: Array | None, found: Array
) -> Array:
    """`found` with the rows beyond the furthest horizon: each is that many rows after a row that is itself forecast."""
    found, furthest, width = found.copy(), horizons.ahead[-1], horizons.targets
    mean, scale = np.array(columns.input_mean[:width]), np.array(columns.input_scale[:width])
    for step in range(furthest + 1, found.shape[1] + 1):
        made_at = step - furthest  # the row that the window ends with, counted from the last one that is known
        before = base if made_at == 1 else found[:, made_at - 2]
        row = _transformed(columns, found[:, made_at - 1], before)
        row = (row - mean) / scale if columns.input_scale else row
        windows = np.concatenate([windows[:, 1:], row[:, None].astype(windows.dtype)], axis=1)
        start = found[:, made_at - 1] if columns.transform in RELATIVE else None
        found[:, step - 1] = _levels(columns, horizons, model.predict(windows), start)[:, :, -1]
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
