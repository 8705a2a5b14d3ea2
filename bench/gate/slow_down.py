"""How much slower a training converges, from the area under its log-loss curve.

Let g(t) be the lowest log10 validation loss until step t, linear between evaluations, and τ(l) the step at which g
reaches level l. The area between g and a level b is the integral of τ over the levels from b up to the initial loss
(Fubini's theorem, the "layer cake"):

    ∫ max(0, g(t) − b) dt  =  ∫ τ(l) dl,  l from b to g(0)

Divided by g(0) − b it is the mean number of steps to a level, over levels that are uniform in the logarithm. If a code
needs s times as many steps for everything, every τ is multiplied by s, and so is this mean: the ratio of two such means
is the slow-down. One crossing of one threshold uses one of these levels; the mean uses all of them, and varies less.

A level that is not reached within the budget counts as reached at its end, as in a restricted mean survival time
(Royston & Parmar 2013), so such a ratio is a lower bound. Runtimes to many targets, uniform in log f, are what COCO
compares optimisers by (Hansen et al. 2022, IEEE Transactions on Evolutionary Computation 26(6)).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from tasks.contract import Target

LOWEST = 1e-30  # a loss of 0 counts as this
DIGITS = 6  # significant digits of a loss that a baseline keeps
FEWEST_STEPS = 1.0  # a mean below it counts as this: what is solved by its initial weights has no speed


class LossCurve(NamedTuple):
    """A training's validation losses until it reached its target or ended.

    step: of each evaluation, the first at 0. valid_loss: finite, rounded to `DIGITS`. solved: whether the last
    evaluation reached the target. budget: the steps that the training had.
    """

    step: tuple[int, ...]
    valid_loss: tuple[float, ...]
    solved: bool
    budget: int

    @property
    def log10_lowest(self) -> list[float]:
        """log10 of the lowest loss until each evaluation."""
        return list(accumulate((math.log10(max(loss, LOWEST)) for loss in self.valid_loss), min))


class Levels(NamedTuple):
    """The range of log10 losses over which steps are averaged."""

    bottom: float
    top: float


def loss_curve(
    steps: Sequence[int], losses: Sequence[Any], values: Sequence[Any], target: Target, budget: int
) -> LossCurve | None:
    """The curve until the first evaluation whose value reaches the target, or whose loss is missing; None if empty.

    losses: validation losses; None is missing. values: of the target's metric, at the same steps.
    """
    kept: list[tuple[int, float]] = []
    for step, loss, value in zip(steps, losses, values, strict=True):
        if loss is None or not math.isfinite(loss):
            break
        kept.append((step, float(f"{loss:.{DIGITS}g}")))
        if value is not None and target.reached(value):
            return LossCurve(*_columns(kept), True, budget)
    return LossCurve(*_columns(kept), False, budget) if kept else None


def common_levels(curves: Iterable[LossCurve | None]) -> Levels | None:
    """The levels that compare these trainings: from the highest start down to what all solved ones reached.

    A solved training ends there, so what it would need for lower levels is not known. If none is solved, the lowest
    level that any of them reached is the bottom. None: a training without an evaluation.
    """
    known = [(curve, curve.log10_lowest) for curve in curves if curve is not None]
    if not known:
        return None
    solved = [lowest[-1] for curve, lowest in known if curve.solved]
    bottom = max(solved) if solved else min(lowest[-1] for _, lowest in known)
    return Levels(bottom, max(bottom, *(lowest[0] for _, lowest in known)))


def mean_steps(curve: LossCurve | None, levels: Levels, budget: int) -> float:
    """The mean number of steps to a level, at least `FEWEST_STEPS`. A training without an evaluation reached none."""
    height = levels.top - levels.bottom
    if height <= 0:
        return FEWEST_STEPS
    if curve is None:
        return float(budget)
    lowest = curve.log10_lowest
    area = max(0.0, min(levels.top, lowest[-1]) - levels.bottom) * curve.budget  # of levels that it never reached
    for (step_0, level_0), (step_1, level_1) in pairwise(zip(curve.step, lowest, strict=True)):
        high, low = min(level_0, levels.top), max(level_1, levels.bottom)
        if high > low:
            first, last = (_step(level, step_0, level_0, step_1, level_1) for level in (high, low))
            area += (high - low) * (first + last) / 2
    return max(area / height, FEWEST_STEPS)


def _step(level: float, step_0: int, level_0: float, step_1: int, level_1: float) -> float:
    """The step at which the line between two evaluations has this level."""
    return step_0 + (step_1 - step_0) * (level_0 - level) / (level_0 - level_1)


def _columns(kept: Sequence[tuple[int, float]]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return tuple(step for step, _ in kept), tuple(loss for _, loss in kept)
