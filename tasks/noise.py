"""The negative control: pure noise. It cannot be predicted, so a model that beats the floor has seen the test data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks import windows
from tasks.baselines import score
from tasks.contract import Dataset, Defaults, Reference, Target
from tasks.made_series import MadeSeries


@dataclass(frozen=True)
class Noise(MadeSeries):
    """The next of `points` independent standard normal values, from the `window` before it.

    The best prediction is always 0. It is floor and limit at once, and both are measured on the test values themselves,
    so that their random deviation cancels. A model below it by more than chance has seen them: through a leak between
    the splits, from a target into its own input, or from test data into a choice.

    The series is cut into chronological parts and windows like every other, so that this control covers that code too.
    """

    window: int = 10
    points: int = 3000

    name = "noise"
    summary = "pure noise, the negative control: no model may beat the floor on test data"
    input_size = output_size = 1
    target = Target("loss", 0.5)  # half the variance: out of reach, so a run that reaches it is an alarm
    defaults = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 300, "standard": 1000, "full": 4000},
        learning_rate=(1e-3, 3e-2),
    )

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        values = np.random.default_rng(seed).standard_normal((self.points, 1))
        return windows.split_windows(values, self.window, targets=[0])

    def references(self, dataset: Dataset) -> list[Reference]:
        how = "always 0, the mean of the noise"
        floor = score(self, "mean", "floor", lambda split: np.zeros_like(split.targets), dataset, how)
        how = "the best prediction of noise, its mean, on the same test data"
        return [floor, replace(floor, name="noise", kind="limit", how=how)]
