"""The learning rate of each step: a linear warm-up, then constant or along half a cosine (Loshchilov & Hutter 2017)."""

from __future__ import annotations

import math
from typing import Literal


def rate_factor(schedule: Literal["constant", "cosine"], warmup: int, steps: int, step: int) -> float:
    """What the learning rate is multiplied by in one step, 0 to 1.

    step: 1 to `steps`. In the first `warmup` steps it rises linearly, to 1 in the last of them. From there the cosine
    falls to 0 in step `steps`. What a plateau has taken off the rate is another factor (`Plateau`), and evaluations
    during the warm-up do not count for it.
    """
    if step <= warmup:
        return step / warmup
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
