"""Errors of forecasts in the columns' own units: of each target, and of each horizon where there are several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.contract import Array


def series_scores(
    errors: Array, targets: Sequence[str], outputs: Sequence[str], measured: Array | None = None
) -> dict[str, float]:
    """`mae_<name>` and `rmse_<name>` of each target over all its outputs; then of each output that has a name of its
    own.

    errors: `(N, O)`, ordered by target, then by horizon. outputs: the O names. measured: `(N, O)`, which errors count;
    None: all. What overflows is infinite.
    """
    counted = np.ones(errors.shape, dtype=bool) if measured is None else measured
    each = len(outputs) // len(targets)
    named = [(name, slice(i * each, (i + 1) * each)) for i, name in enumerate(targets)]
    if list(outputs) != list(targets):
        named += [(name, slice(i, i + 1)) for i, name in enumerate(outputs)]
    scores: dict[str, float] = {}
    with np.errstate(over="ignore"):
        for name, place in named:
            wrong = errors[:, place][counted[:, place]]
            scores[f"mae_{name}"] = float(np.abs(wrong).mean())
            scores[f"rmse_{name}"] = float(np.sqrt((wrong**2).mean()))
    return scores
