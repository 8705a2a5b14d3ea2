"""The four budgets: how many replicates there are and how much each of them searches, when nobody says otherwise.

Steps of a training are the task's own (`Task.defaults.steps`); here stands what belongs to the experiment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BudgetName = Literal["smoke", "quick", "standard", "full"]

FIRST_LOOK = 7  # replicates when `--until-settled` looks for the first time; fixed, since the test depends on it


@dataclass(frozen=True)
class Budget:
    """What a budget decides, for each model and task.

    trials: configurations that a replicate tries; trials_once: those of the one search with `--tune once`.
    hidden_sizes, layers: what a search chooses from. timing_seconds: for timing a configuration. core_seconds: about
    the processor time of `run --models gru,lstm`; at quick from that of each size, measured on an AMD EPYC, at the
    others in proportion to the optimiser steps and to the sizes. With `--engine auto` it is 0.72 of what it is with
    `exact` at quick (`tests/calibration/engine.py --models gru,lstm`), and about 0.7 with more trials.
    """

    trials: int
    replicates: int
    trials_once: int
    hidden_sizes: tuple[int, ...]
    layers: tuple[int, ...]
    timing_seconds: float
    core_seconds: float
    summary: str


BUDGETS: dict[BudgetName, Budget] = {
    "smoke": Budget(2, 2, 2, (8, 16), (1,), 0.1, 20, "does everything run?"),
    "quick": Budget(6, 7, 6, (16, 32, 64), (1, 2), 1.0, 310, "a first answer"),
    "standard": Budget(12, 10, 24, (16, 32, 64, 128), (1, 2), 3.0, 11_200, "an answer to rely on"),
    "full": Budget(24, 20, 60, (16, 32, 64, 128, 256), (1, 2, 3), 5.0, 310_000, "an answer to publish"),
}
