"""The four budgets: how much is searched and confirmed when nobody says otherwise, and how often it is evaluated.

Steps of a training are the task's own (`Task.defaults.steps`); here stands what belongs to the experiment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BudgetName = Literal["smoke", "quick", "standard", "full"]


@dataclass(frozen=True)
class Budget:
    """Search trials a model and task, confirm seeds, the sizes searched, and seconds to time a configuration."""

    trials: int
    replicates: int
    hidden_sizes: tuple[int, ...]
    layers: tuple[int, ...]
    timing_seconds: float
    summary: str


BUDGETS: dict[BudgetName, Budget] = {
    "smoke": Budget(2, 2, (8, 16), (1,), 0.1, "does everything run?"),
    "quick": Budget(6, 7, (16, 32, 64), (1, 2), 1.0, "a first answer"),
    "standard": Budget(24, 10, (16, 32, 64, 128), (1, 2), 3.0, "an answer to rely on"),
    "full": Budget(60, 20, (16, 32, 64, 128, 256), (1, 2, 3), 5.0, "an answer to publish"),
}
