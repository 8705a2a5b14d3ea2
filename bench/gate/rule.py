"""The gate's constants. Where they come from, and what they cost in false and missed alarms: docs/ci.md.

`tests/calibration/gate.py` measures both again on real trainings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """When a cell counts as regressed. The defaults hold for every cell that `gate.toml` says nothing about.

    steps_margin: mean ratio of steps to target, new over baseline, that is still as good.
    loss_margin: difference of the mean log10 validation loss that is still as good, for cells that rarely arrive.
    """

    steps_margin: float = 1.05
    loss_margin: float = 0.05

    @property
    def log2_margin(self) -> float:
        """`steps_margin` on the scale of the test."""
        return math.log2(self.steps_margin)


RECORDED = 24  # replicates of a cell in a baseline
CHECKED = 12  # replicates that a check trains, and again as many to confirm what looks worse
ALPHA = 0.01  # chance that any cell of an unchanged code fails the first test, all cells together
SD_FLOOR = 0.01  # twelve equal differences are no proof of a spread of 0
NEWLY_MISSED = 1 / 3  # share of a check's replicates that reached the target before and miss it now: a failure
RARELY_SOLVED = 0.2  # a cell of which more of the baseline's replicates miss the target is judged by its loss
FIRST_LOSSES = 1e-4  # relative difference of one of the first 50 training losses that rounding explains
TIME_MARGIN = 1.10  # ratio of the time of a training step that is still as fast, where --gate-time asks for it
ROUNDS = 12  # timings of each code in a round each, and again as many to confirm
FLOAT64 = 1e-9  # relative difference of a traced quantity that rounding in float64 explains, in any environment
TWINS = 1e-8  # relative difference of a NumPy cell from torch's in float64 that rounding explains
