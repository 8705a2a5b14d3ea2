"""The four budgets: how much is searched and confirmed when nobody says otherwise.

Steps of a training are the task's own (`Task.defaults.steps`); here stands what belongs to the experiment.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Search trials a model and task, confirm seeds, the sizes searched, seconds to time a configuration, and
    evaluations of a confirmed training (besides step 0): the points of its learning curve."""

    trials: int
    seeds: int
    hidden_sizes: tuple[int, ...]
    layers: tuple[int, ...]
    timing_seconds: float
    evaluations: int
    summary: str


# Of a trial, which is asked for its lowest validation loss alone. On a CPU an evaluation takes as long as one or two
# optimiser steps, and a trial of the quick budget has 500: fifty evaluations were a tenth of the search.
SEARCH_EVALUATIONS = 10

BUDGETS = {
    "smoke": Budget(2, 2, (8, 16), (1,), 0.1, 20, "does everything run?"),
    "quick": Budget(6, 7, (16, 32, 64), (1, 2), 1.0, 20, "a first answer"),
    "standard": Budget(24, 10, (16, 32, 64, 128), (1, 2), 3.0, 50, "an answer to rely on"),
    "full": Budget(60, 20, (16, 32, 64, 128, 256), (1, 2, 3), 5.0, 50, "an answer to publish"),
}
