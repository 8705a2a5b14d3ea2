"""The newest validation windows of a training on a table, kept in its checkpoint: forecast intervals rest on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.contract import Array, Split

MOST = 500  # windows: a quantile of their errors is then known well enough


@dataclass(frozen=True, eq=False)
class ValidationRows:
    """Consecutive windows and what came after them, as the model sees them: standardised.

    inputs: `(n, window, I)`; targets: `(n, O)`, NaN where none was measured; base: `(n, O)` in the columns' own units
    where targets are changes.
    """

    inputs: Array
    targets: Array
    base: Array | None


def pack(split: Split) -> dict[str, Any] | None:
    """JSON for a checkpoint; None where the windows are not consecutive rows, as those of other tasks."""
    inputs, targets = split.inputs[-MOST:], split.targets[-MOST:]
    if inputs.ndim != 3 or targets.ndim != 2 or not np.array_equal(inputs[1:, :-1], inputs[:-1, 1:]):
        return None
    rows, came = np.concatenate([inputs[0], inputs[1:, -1]]), targets.astype(object)
    if split.measured is not None:
        came[~split.measured[-MOST:]] = None
    base = None if split.base is None else split.base[-MOST:].tolist()
    return {"rows": rows.tolist(), "targets": came.tolist(), "base": base, "sequences": len(split)}


def sequences(packed: Any) -> int:
    """All windows that a training was validated with, of which the newest are packed.

    1 where a checkpoint does not tell; older checkpoints tell those that they hold.
    """
    if not isinstance(packed, Mapping):
        return 1
    held = packed.get("targets")
    count = packed.get("sequences", len(held) if isinstance(held, list) else 1)
    return count if type(count) is int and count > 0 else 1


def unpack(packed: Any, window: int, inputs: int, outputs: int) -> ValidationRows | None:
    """What `pack` made, for a model of these sizes; None where it is missing or not whole."""
    if not isinstance(packed, Mapping):
        return None
    try:
        rows = np.asarray(packed["rows"], dtype=np.float32)
        targets = np.asarray(packed["targets"], dtype=np.float32)
        base = None if packed["base"] is None else np.asarray(packed["base"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    count = len(targets)
    fits = rows.shape == (count + window - 1, inputs) and targets.shape == (count, outputs)
    if not count or not fits or (base is not None and base.shape != targets.shape):
        return None
    return ValidationRows(np.lib.stride_tricks.sliding_window_view(rows, window, axis=0).swapaxes(1, 2), targets, base)
