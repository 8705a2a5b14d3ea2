"""When a learning curve reached its target: interpolated between evaluations, censored where it never did."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tasks.contract import Target


def steps_to_target(steps: Sequence[int], values: Sequence[float | None], target: Target) -> float | None:
    """The step at which `values` first meets the target; None: not within the budget (censored there).

    Between the evaluations around the crossing the value is taken as linear in the step, and for positive values that
    must fall as linear in its logarithm, since losses fall by factors. None among the values: not measured.
    """
    before: tuple[int, float] | None = None
    for step, value in zip(steps, values, strict=True):
        if value is None or math.isnan(value):
            continue
        if target.reached(value):
            return float(step) if before is None else _crossing(before, (step, value), target)
        before = (step, value)
    return None


def _crossing(before: tuple[int, float], after: tuple[int, float], target: Target) -> float:
    (step_0, value_0), (step_1, value_1), threshold = before, after, target.threshold
    if target.direction == "below" and min(value_0, value_1, threshold) > 0:
        value_0, value_1, threshold = math.log(value_0), math.log(value_1), math.log(threshold)
    return step_0 + (step_1 - step_0) * (threshold - value_0) / (value_1 - value_0)
