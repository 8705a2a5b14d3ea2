"""How much slower a training converges, from the area under its log-loss curve.

Let f(t) be the log10 validation loss at step t, linear between evaluations. The area between f and a level b is the
integral, over the levels l from b up to the initial loss, of the number of steps with a loss above l (Fubini's theorem,
the "layer cake"):

    ∫ max(0, f(t) − b) dt  =  ∫ |{t : f(t) > l}| dl,  l from b to f(0)

Divided by f(0) − b it is the mean number of steps to a loss, over losses that are uniform in the logarithm. If a code
needs s times as many steps for everything, f(t) becomes f(t / s), and the area s times as large: the ratio of two areas
is the slow-down. One crossing of one threshold uses one of these levels; the area uses all of them, and every
evaluation, so that it varies less (t over 24 trainings of a fault: docs/gate_statistics.md).

A level that is not reached within the budget counts as reached at its end, as in a restricted mean survival time
(Royston & Parmar 2013), so such a ratio is a lower bound. Runtimes to many targets, uniform in log f, are what COCO
compares optimisers by (Hansen et al. 2022, IEEE Transactions on Evolutionary Computation 26(6)).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tasks.contract import Target

LOWEST = 1e-30  # a loss of 0 counts as this
DIGITS = 6  # significant digits of a loss that a baseline keeps
FLAT = 1e-9  # a smaller change of a log-loss counts as none
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
    def log10_losses(self) -> list[float]:
        return [math.log10(max(loss, LOWEST)) for loss in self.valid_loss]

    @property
    def has_ended_early(self) -> bool:
        """Whether it diverged: it stopped before the end of its budget, and not because it was solved."""
        return not self.solved and self.step[-1] < self.budget


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
    known = [(curve.solved, curve.log10_losses) for curve in curves if curve is not None]
    if not known:
        return None
    solved = [min(losses) for is_solved, losses in known if is_solved]
    bottom = max(solved) if solved else min(min(losses) for _, losses in known)
    return Levels(bottom, max(bottom, *(losses[0] for _, losses in known)))


def mean_steps(curve: LossCurve | None, levels: Levels, budget: int) -> float:
    """The mean number of steps with a loss above a level, at least `FEWEST_STEPS`.

    A loss above the top counts as the top. A training without an evaluation is above all levels for the whole budget,
    and one that diverged from then on.
    """
    height = levels.top - levels.bottom
    if height <= 0:
        return FEWEST_STEPS
    if curve is None:
        return float(budget)
    area = (curve.budget - curve.step[-1]) * height if curve.has_ended_early else 0.0
    for (step_0, loss_0), (step_1, loss_1) in pairwise(zip(curve.step, curve.log10_losses, strict=True)):
        area += (step_1 - step_0) * _mean_height(loss_0, loss_1, levels)
    return max(area / height, FEWEST_STEPS)


def _mean_height(first: float, last: float, levels: Levels) -> float:
    """The mean height above the bottom, at most the top, of a line from one log-loss to another."""
    if abs(last - first) < FLAT:
        return min(max((first + last) / 2, levels.bottom), levels.top) - levels.bottom
    return (_integral(last, levels) - _integral(first, levels)) / (last - first)


def _integral(level: float, levels: Levels) -> float:
    """The integral of that height over the levels up to this one."""
    height = levels.top - levels.bottom
    if level >= levels.top:
        return height * height / 2 + (level - levels.top) * height
    return max(0.0, level - levels.bottom) ** 2 / 2


def _columns(kept: Sequence[tuple[int, float]]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return tuple(step for step, _ in kept), tuple(loss for _, loss in kept)
