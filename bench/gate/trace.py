"""The first steps of a training in float64: numbers that no machine's rounding blurs.

Float32 sums differ between machines by 1e-7, and 50 steps of training make up to 1e-4 of that. Float64 sums differ by
1e-16, and after 50 steps by less than 1e-13, while a line of code that computes something else moves these numbers by
1e-5 or more (both measured: docs/ci.md). So they are compared in every environment, and a difference means that the
code computes something else than the code that recorded the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

STEPS = 50  # traced, from the initial weights on
TRACED = (1, 2)  # replicates of each cell
EVALUATED_EVERY = 25  # steps: the validation loss and metric are traced at steps 0, 25 and 50
TINY = 1e-12  # smaller numbers are compared absolutely

Trace = Mapping[str, float]  # quantity -> value


def trace_of(train_losses: Sequence[float], curve: Mapping[str, Sequence[Any]], gradient_norm: float) -> Trace:
    """The trace of one training.

    train_losses: of every step. curve: as in a record. gradient_norm: Euclidean, of the first step after clipping.
    """
    found = {"gradient_norm_step_01": gradient_norm}
    found |= {f"train_loss_step_{step:02}": float(loss) for step, loss in enumerate(train_losses, start=1)}
    for place, step in enumerate(curve["step"]):
        for name in ("valid_loss", "valid_metric", "learning_rate"):
            value = curve[name][place]
            if value is not None:
                found[f"{name}_step_{step:02}"] = float(value)
    return found


def deviation(before: Trace, now: Trace) -> tuple[str, float]:
    """The quantity that deviates most from the baseline's, and by how much, relative to the baseline's value.

    Infinite where one side lacks the quantity; ("", 0.0) where nothing differs.
    """
    worst = ("", 0.0)
    for name in sorted(before.keys() | now.keys()):
        first, second = before.get(name, math.nan), now.get(name, math.nan)
        if name in before and name in now and math.isnan(first) and math.isnan(second):
            continue
        difference = abs(second - first) / max(abs(first), TINY)
        difference = math.inf if math.isnan(difference) else difference
        if difference > worst[1]:
            worst = (name, difference)
    return worst
