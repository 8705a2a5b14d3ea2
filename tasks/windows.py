"""From a series to sequences: it is cut into chronological parts, then each part into windows, so that none overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tasks.contract import Array, Dataset, Split


def chronological_parts(rows: int) -> tuple[slice, slice, slice]:
    """The first 70 % of the rows for training, the next 15 % for validation, the last 15 % for testing."""
    train, valid = rows * 70 // 100, rows * 85 // 100
    return slice(0, train), slice(train, valid), slice(valid, rows)


def rows_needed(window: int) -> int:
    """The fewest rows with which each of the three parts holds a window and the value after it."""
    rows = math.ceil((window + 1) * 20 / 3)  # 15 % of them hold one; rounding may allow fewer
    while all(part.stop - part.start > window for part in chronological_parts(rows - 1)):
        rows -= 1
    return rows


def make_windows(
    series: Array, window: int, *, horizon: int = 1, targets: Sequence[int], per_step: bool = False
) -> Split:
    """Every window of one stretch of a series, with what comes `horizon` rows after its last row (or each of its rows).

    series: `(rows, columns)`; `targets`: the columns to predict. With N = rows − window − horizon + 1:
    inputs `(N, window, columns)`, targets `(N, len(targets))`, or `(N, window, len(targets))` per step; float32.
    """
    count = len(series) - window - horizon + 1
    if window < 1 or horizon < 1 or count < 1:
        raise ValueError(f"{len(series)} rows hold no window of {window} rows with a target {horizon} rows later")
    views = np.lib.stride_tricks.sliding_window_view(series, window, axis=0).swapaxes(1, 2)  # (N', window, columns)
    wanted = views[horizon : horizon + count][..., list(targets)] if per_step else series[window + horizon - 1 :]
    if not per_step:
        wanted = wanted[:, list(targets)]
    return Split(np.array(views[:count], dtype=np.float32), np.array(wanted, dtype=np.float32))


def windows_of(
    inputs: Array,
    targets: Array,
    window: int,
    *,
    horizon: int,
    base: Array | None = None,
    measured: Array | None = None,
) -> Split:
    """Every window of one stretch of rows, with the row of `targets`, `base` and `measured` `horizon` rows after it.

    inputs: `(rows, I)`; targets, base, measured: `(rows, O)`. With N = rows − window − horizon + 1: inputs
    `(N, window, I)` and targets `(N, O)`, float32; base `(N, O)`, float64; measured `(N, O)`, bool.
    """
    count, first = len(inputs) - window - horizon + 1, window + horizon - 1
    if window < 1 or horizon < 1 or count < 1:
        raise ValueError(f"{len(inputs)} rows hold no window of {window} rows with a target {horizon} rows later")
    views = np.lib.stride_tricks.sliding_window_view(inputs, window, axis=0).swapaxes(1, 2)  # (N', window, I)
    return Split(
        np.array(views[:count], dtype=np.float32),
        np.array(targets[first:], dtype=np.float32),
        base=None if base is None else base[first:],
        measured=None if measured is None else measured[first:],
    )


def split_windows(series: Array, window: int, *, targets: Sequence[int], per_step: bool = False) -> Dataset:
    """Cut a series `(rows, columns)` into its chronological parts, and each part into windows (see `make_windows`)."""
    train, valid, test = (
        make_windows(series[part], window, targets=targets, per_step=per_step)
        for part in chronological_parts(len(series))
    )
    return Dataset(train, valid, test)
