"""Columns as growth, differences or logarithms, and forecasts of these back in the columns' own units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError, short

Transform = Literal["none", "growth", "difference", "log"]
TRANSFORMS: tuple[Transform, ...] = ("none", "growth", "difference", "log")
RELATIVE = ("growth", "difference")  # to an earlier row, so that the first row is lost


def require_possible(path: str, names: Sequence[str], values: Array, transform: Transform) -> None:
    """UserError where a column `(rows, columns)` has no logarithm."""
    if transform not in ("growth", "log"):
        return
    for name, column in zip(names, values.T, strict=False):
        if column.min() <= 0:
            raise UserError(
                f"{path}: column {short(name)} has the value {column.min():g}: --transform {transform} needs values "
                "above 0; --transform difference does not"
            )


def transformed(values: Array, transform: Transform, lag: int = 1) -> Array:
    """`(rows, columns)` in the transform's units, of which the first `lag` rows are NaN where it is relative.

    growth: 100 times the difference of logarithms from `lag` rows before, in percent. difference: the difference from
    there. log: the natural logarithm.
    """
    if transform == "none":
        return values
    base = values if transform == "difference" else np.log(values)
    if transform == "log":
        return np.asarray(base)
    found = np.full(values.shape, np.nan)
    found[lag:] = base[lag:] - base[:-lag]
    return 100 * found if transform == "growth" else found


def own_units(changes: Array, base: Array | None, transform: Transform) -> Array:
    """Values from what `transformed` makes of them. base: `(N, O)`, the values from which relative ones start."""
    changes = np.asarray(changes, dtype=np.float64)
    with np.errstate(over="ignore"):  # a diverged model's growth: infinite, as it is
        if transform == "log":
            return np.asarray(np.exp(changes))
        if transform in RELATIVE:
            if base is None:
                raise ValueError(f"{transform} has no units of its own without the values from which it starts")
            return np.asarray(base * np.exp(changes / 100) if transform == "growth" else base + changes)
    return changes
