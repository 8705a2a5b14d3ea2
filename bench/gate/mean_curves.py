"""The mean learning curves of a cell, before and now, for a plot of what failed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from bench.gate.baseline import Replicates
from bench.gate.slow_down import LOWEST, LossCurve


class MeanCurves(NamedTuple):
    """Means over replicates of log10 validation loss, at the same steps.

    A training that has ended keeps its last loss, so the means end where the last one reaches its target.
    """

    step: tuple[int, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]


def mean_curves(baseline: Replicates, new: Replicates, numbers: Sequence[int]) -> MeanCurves | None:
    """The means over these replicates; None if a side has no curve."""
    sides = [[curve for number in numbers if (curve := side[number].curve) is not None] for side in (baseline, new)]
    if not all(sides):
        return None
    steps = sorted({step for curves in sides for curve in curves for step in curve.step})
    before, now = (tuple(_mean(curves, step) for step in steps) for curves in sides)
    return MeanCurves(tuple(steps), before, now)


def _mean(curves: Sequence[LossCurve], step: int) -> float:
    return math.fsum(_log10_at(curve, step) for curve in curves) / len(curves)


def _log10_at(curve: LossCurve, step: int) -> float:
    """Of the last evaluation until a step."""
    loss = next(loss for at, loss in zip(reversed(curve.step), reversed(curve.valid_loss), strict=True) if at <= step)
    return math.log10(max(loss, LOWEST))
