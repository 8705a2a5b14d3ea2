"""Metrics that several tasks share."""

from __future__ import annotations

import numpy as np

from tasks.contract import Array


def error_metrics(outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
    """`rmse` and `mae` over every counted value, in the units of the targets.

    outputs, targets: `(N, O)` or `(N, T, O)`; mask: `(N, T)` bool, the steps that count.
    """
    errors = np.asarray(outputs, dtype=np.float64) - np.asarray(targets, dtype=np.float64)
    if mask is not None:
        errors = errors[mask]
    return {"rmse": float(np.sqrt((errors**2).mean())), "mae": float(np.abs(errors).mean())}
