"""Forecast intervals from validation errors: split conformal prediction.

Of n errors on data that a model was not trained on, the ceil((n + 1) · level)-th smallest bounds the next one with at
least that probability, whatever their distribution, where the errors are exchangeable (Vovk, Gammerman & Shafer 2005;
Lei et al. 2018). Errors of neighbouring rows are not quite, and the model was selected on these data: intervals are
somewhat too narrow where its errors grow with time.
"""

from __future__ import annotations

import math

import numpy as np

from bench.training.paths import Horizons, TableModel, paths
from bench.training.validation_rows import ValidationRows
from tasks.contract import Array, Columns
from tasks.transform import own_units

LEVEL = 0.9
FEWEST = math.ceil(LEVEL / (1 - LEVEL) - 1e-9)  # errors with which an interval of this level is finite


def bound(errors: Array) -> float:
    """The half width of the interval from absolute errors `(n,)`; NaN where there are too few of them."""
    known = np.sort(errors[~np.isnan(errors)])
    rank = math.ceil((len(known) + 1) * LEVEL - 1e-9)
    return float(known[rank - 1]) if rank <= len(known) else math.nan


def interval(columns: Columns, forecasts: Array, half_widths: Array) -> tuple[Array, Array]:
    """Low and high of forecasts `(steps, targets)`; widths are of logarithms where the model was trained on these."""
    if not _relative(columns):
        return forecasts - half_widths, forecasts + half_widths
    return forecasts * np.exp(-half_widths), forecasts * np.exp(half_widths)


def half_widths(model: TableModel, rows: ValidationRows, steps: int) -> Array:
    """How far forecasts of the next rows were off on validation data: `(steps, targets)`, as `interval` takes them.

    Forecasts are made from every validation row, and rolled forward as new ones are.
    """
    columns = model.columns
    assert columns is not None
    horizons = Horizons.of(columns)
    count, furthest = len(rows.inputs), horizons.ahead[-1]
    base = None if rows.base is None else rows.base[:, :: len(horizons.ahead)]
    truth = _truth(columns, horizons, rows)
    found = np.full((steps, horizons.targets), np.nan)
    forecasts = paths(model, rows.inputs, base, min(steps, count - 1 + furthest))
    for step in range(1, forecasts.shape[1] + 1):
        origins = np.arange(count)
        origins = origins[origins + step < len(truth)]
        ahead, came = forecasts[origins, step - 1], truth[origins + step]
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = np.abs(np.log(ahead) - np.log(came)) if _relative(columns) else np.abs(ahead - came)
        found[step - 1] = [bound(column) for column in errors.T]
    return found


def _truth(columns: Columns, horizons: Horizons, rows: ValidationRows) -> Array:
    """`(rows, targets)` in the columns' own units; row i is i rows after the last one of the first window.

    NaN where no target is known.
    """
    targets = np.asarray(rows.targets, dtype=np.float64)
    if columns.output_scale:
        targets = targets * np.array(columns.output_scale) + np.array(columns.output_mean)
    levels = own_units(targets, rows.base, columns.transform).reshape(len(targets), horizons.targets, -1)
    found = np.full((len(levels) + horizons.ahead[-1], horizons.targets), np.nan)
    for place, horizon in enumerate(horizons.ahead):
        found[horizon : horizon + len(levels)] = levels[:, :, place]
    return found


def _relative(columns: Columns) -> bool:
    return columns.transform in ("growth", "log")
