"""A model with the sequences that the checks of its contract try it on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.models.contract import Learner, Model, Problem, Settings
from tasks.contract import Split
from tasks.errors import UserError


@dataclass(frozen=True)
class TriedModel:
    """A model, and a few sequences of a problem."""

    model: Model
    problem: Problem
    split: Split
    settings: Settings

    def build(self, settings: Settings | None = None, seed: int = 0, **changes: Any) -> Learner:
        """A learner with the same initial weights for the same seed. changes: of the settings."""
        rng = np.random.default_rng(seed)
        return self.model.build(self.problem, replace(settings or self.settings, **changes), rng, 0)

    @property
    def single(self) -> Settings:
        """The settings in float32 where the model has it: a lower precision may round an effect away."""
        precision = "float32" if "float32" in self.model.precisions else self.settings.precision
        return replace(self.settings, precision=precision)

    @property
    def double(self) -> Settings:
        """The settings in float64, which a CPU computes in."""
        return replace(self.settings, dtype="float64", precision="float32", device="cpu", clip_norm=None)

    def fix_draws(self, seed: int = 0) -> None:
        """Let torch draw the same random numbers from here on. A learner without torch has a generator of its own."""
        if self.model.uses_torch:
            import torch

            torch.manual_seed(seed)

    def batch(self, learner: Learner) -> Any:
        """All of the sequences."""
        count = len(self.split)
        return next(iter(learner.batches(learner.place(self.split), np.arange(count), count)))

    def error(self, what: str, expected: str) -> UserError:
        """What the model does, and what was expected."""
        return UserError(f"model {self.model.label}: {what}: {expected}")
