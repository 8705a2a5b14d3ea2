"""Comparisons at equal amounts: how much of it each model has, as the manifest says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bench.analysis.recorded import Recorded


class ModelAmount(NamedTuple):
    """What a model has in a comparison on a task, and what all were to have, within a relative tolerance."""

    match: str
    task: str
    model: str
    quantity: str  # "parameters", "FLOPs a step", …
    hidden_size: int
    amount: float
    budget: float
    tolerance: float

    @property
    def away(self) -> float:
        """Relative distance from the budget: 0.28 is 28 % more."""
        return self.amount / self.budget - 1


def model_amounts(results: Recorded) -> Iterator[ModelAmount]:
    """One for each comparison, task and model; entries of a manifest that hold something else are left out."""
    for match, tasks in (results.manifest.get("matched") or {}).items():
        for task, about in tasks.items():
            for model, own in about.get("models", {}).items() if isinstance(about, dict) else ():
                try:
                    found = ModelAmount(
                        *(str(match), str(task), str(model), str(about["quantity"]), int(own["hidden_size"])),
                        *(float(own["amount"]), float(about["budget"]), float(about["tolerance"])),
                    )
                except (KeyError, TypeError, ValueError, AttributeError):
                    continue
                if found.budget > 0:
                    yield found
