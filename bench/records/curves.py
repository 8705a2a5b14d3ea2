"""When a learning curve reached its target: interpolated between evaluations, censored where it never did."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.records.schema import Record
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


def lowest_valid_loss(record: Record) -> float | None:
    """The lowest validation loss on a training's curve; None where it has none."""
    losses = [x for x in (record.get("curve") or {}).get("valid_loss") or [] if x is not None and math.isfinite(x)]
    return min(losses, default=None)


def training_throughput(record: Record) -> float | None:
    """Training sequences a second from the first evaluation to the last, those included; None where it is not known.

    What ran side by side shared the machine, so this is what the experiment got and no model's own speed.
    """
    seconds, sequences = record.get("evaluation_seconds") or [], record.get("train_sequences")
    steps, batch_size = (record.get("curve") or {}).get("step") or [], (record.get("training") or {}).get("batch_size")
    if len(seconds) < 2 or not sequences or not batch_size or not steps or seconds[-1] <= seconds[0]:
        return None
    epochs, rest = divmod(steps[-1], -(-sequences // batch_size))  # the last batch of an epoch may be smaller
    return float((epochs * sequences + rest * batch_size) / (seconds[-1] - seconds[0]))
