"""The negative control: pure noise. Nothing can predict it, so whoever does has seen the test data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks import windows
from tasks.baselines import score
from tasks.contract import Array, Dataset, Defaults, Loss, Reference, Target, Task
from tasks.errors import UserError
from tasks.metrics import error_metrics


@dataclass(frozen=True)
class Noise(Task):
    """The next of `points` independent standard normal values, from the `window` before it.

    The best prediction is 0, always, so it is floor and limit in one, measured on the very test values: what luck their
    draw brings then cancels, and a model that is below it by more than chance has seen them: a leak between the splits,
    of a target into its own input, or of test data into a choice.

    Cut into chronological parts and windows as every series is, so that it watches over that code too.
    """

    window: int = 10
    points: int = 3000

    name: ClassVar[str] = "noise"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "pure noise, the negative control: no model may beat the floor on test data"
    loss: ClassVar[Loss] = "mse"
    defaults: ClassVar[Defaults] = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 300, "standard": 1000, "full": 4000},
        learning_rate=(1e-3, 3e-2),
    )

    def __post_init__(self) -> None:
        if self.window < 1:
            raise UserError(f"noise[window={self.window}]: expected 1 or more")
        needed = windows.rows_needed(self.window)
        if self.points < needed:
            raise UserError(f"noise[points={self.points}]: window {self.window} needs at least {needed} points")

    @property
    def input_size(self) -> int:
        return 1

    @property
    def output_size(self) -> int:
        return 1

    @property
    def target(self) -> Target:
        """Half the variance: out of reach, and a run that gets there is an alarm of its own."""
        return Target("loss", 0.5)

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        values = np.random.default_rng(seed).standard_normal((self.points, 1))
        return windows.split_windows(values, self.window, targets=[0])

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        return error_metrics(outputs, targets, mask)

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        mean = np.zeros_like(dataset.test.targets)
        limit = "the best that can be predicted of noise, its mean, on the same test data"
        return [
            score(self, "mean", "floor", mean, dataset.test, how="always 0, the mean of the noise"),
            score(self, "noise", "limit", mean, dataset.test, how=limit),
        ]
