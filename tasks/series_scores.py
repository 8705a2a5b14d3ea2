"""Errors of forecasts in the columns' own units: of each target, and of each horizon where there are several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.contract import Array


def series_scores(errors: Array, targets: Sequence[str], outputs: Sequence[str]) -> dict[str, float]:
    """`mae_<name>` and `rmse_<name>` of each target over all its outputs; then of each output that has a name of its
    own.

    errors: `(N, O)`, ordered by target, then by horizon. outputs: the O names. What overflows is infinite.
    """
    by_target = errors.reshape(len(errors), len(targets), -1)
    named = [(name, by_target[:, i]) for i, name in enumerate(targets)]
    if list(outputs) != list(targets):
        named += list(zip(outputs, errors.T, strict=True))
    scores: dict[str, float] = {}
    with np.errstate(over="ignore"):
        for name, wrong in named:
            scores[f"mae_{name}"] = float(np.abs(wrong).mean())
            scores[f"rmse_{name}"] = float(np.sqrt((wrong**2).mean()))
    return scores
