"""The gate's constants. docs/gate_statistics.md has their reasons and the rates of false and missed alarms.

`tests/calibration/gate.py` measures both again on real trainings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """The margins beyond which a cell counts as regressed. The defaults hold for every cell without an exception.

    steps_margin: the largest mean slow-down (a ratio of steps, new over baseline) that counts as equally good.
    loss_margin: the largest difference of mean log10 validation loss that counts as equally good; used for cells that
    rarely reach their target.
    """

    steps_margin: float = 1.05
    loss_margin: float = 0.05

    @property
    def log2_margin(self) -> float:
        """`steps_margin` on the scale of the test, log2."""
        return math.log2(self.steps_margin)


RECORDED = 24  # replicates of a cell in a baseline
CHECKED = 12  # replicates that a check trains, and as many again of a cell that is not clearly as good
ALPHA = 0.01  # probability that at least one cell fails whose true slow-down is the margin
GO_ON = 0.2  # a cell whose first half gives a smaller p-value (of that cell alone) is trained on the other half too
POWER = 0.8  # probability with which the change that is called detectable fails a cell
SD_FLOOR = 0.01  # twelve equal differences do not prove a standard deviation of 0
NEWLY_MISSED = 1 / 3  # share of a check's replicates that newly miss the target: enough for a failure
RARELY_SOLVED = 0.2  # if a larger share of the baseline's replicates misses the target, the loss is compared
FIRST_LOSSES = 1e-4  # relative difference of one of the first 50 training losses that rounding explains
TIME_MARGIN = 1.10  # largest ratio of step times that counts as equally fast (--gate-time)
ROUNDS = 12  # rounds of timing, each with one timing of either code, and as many again to confirm
FLOAT64 = 1e-9  # relative difference of a traced quantity that rounding in float64 explains, in any environment
TWINS = 1e-8  # relative difference of a NumPy cell from torch's, in float64, that rounding explains
