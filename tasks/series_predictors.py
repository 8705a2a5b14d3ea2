"""The references of a series as predictors of new rows: fitted as they were for a run's comparison."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tasks.baselines import choose_linear_ar
from tasks.contract import Array, Columns, Dataset, Split
from tasks.reading import Selection
from tasks.series import Series
from tasks.series_references import NaiveForecasts
from tasks.transform import RELATIVE
from tasks.windows import windows_of

LINEAR = "linear_ar"


@dataclass(frozen=True, eq=False)
class SeriesPredictor:
    """columns: how a table is read for it. predict: standardised windows `(N, window, I)` to raw outputs `(N, O)`.

    valid: its validation data, whose inputs are as `columns` has them.
    """

    columns: Columns
    predict: Callable[[Array], Array]
    valid: Split


def series_predictor(task: Series, name: str, dataset: Dataset) -> SeriesPredictor | None:
    """A reference of a series at its forecast origin, fitted on `dataset`; None for a name that it does not have.

    A naive predictor looks at nothing but the targets, so a table for it needs no other column.
    """
    if name == LINEAR:
        fitted = choose_linear_ar(dataset.train, dataset.valid)
        return SeriesPredictor(task.columns, fitted.predict, dataset.valid)
    parts = (task.standardised, task.forecasts, task.rows_ahead, task.transform, task.season)
    naive = NaiveForecasts(*parts, task.origins.target_rows(task.block)[1:])
    known = naive.by_name(dataset)
    if name not in known:
        return None
    window = max(task.window, naive.longest_lag if name == "seasonal_naive" else 0)
    predict, outputs = known[name][0], task.output_size

    def on_windows(inputs: Array) -> Array:
        if name == "seasonal_naive":
            return naive.seasonal_in_windows(inputs)
        return predict(Split(inputs, np.empty((len(inputs), outputs), dtype=np.float32)))

    return SeriesPredictor(_of_targets_alone(task, window), on_windows, _validation(task, window))


def with_first_rows(task: Series, rows: int) -> Series:
    """The task on the first rows of its table: as it was before rows were added."""
    if rows >= task.rows:
        return task
    other, prepared = copy.copy(task), task.prepared
    for cached in ("origins", "standardised", "forecasts", "measured", "target", "floor"):
        vars(other).pop(cached, None)
    times = None if prepared.times is None else prepared.times.take(np.arange(len(prepared.times) - task.rows + rows))
    measured = None if prepared.measured is None else prepared.measured[:rows]
    first = replace(
        prepared, values=prepared.values[:rows], levels=prepared.levels[:rows], times=times, measured=measured
    )
    vars(other).update(prepared=first, content=f"{rows} rows of {task.content}")
    return other


def _of_targets_alone(task: Series, window: int) -> Columns:
    columns, count = task.columns, len(task.targets)
    return replace(
        columns,
        inputs=columns.inputs[:count],
        window=window,
        input_mean=columns.input_mean[:count],
        input_scale=columns.input_scale[:count],
        selection=Selection(task.targets),
        words=(),
    )


def _validation(task: Series, window: int) -> Split:
    """The task's validation data in windows of another length, of the targets alone."""
    valid, wanted = task.origins.parts(task.block)[1], task.forecasts
    reach = slice(max(0, valid.start - window), valid.stop)
    values = task.standardised.values[reach, : len(task.targets)]
    base = wanted.base[reach] if task.transform in RELATIVE else None
    measured = None if task.measured is None else task.measured[reach]
    return windows_of(values, wanted.values[reach], window, horizon=task.furthest, base=base, measured=measured)
