"""Next-step prediction of a sampled sine: two linear coefficients are exact, unless noise is added."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks import windows
from tasks.baselines import fit_linear_ar, forecast_references, naive_forecasts
from tasks.contract import Array, Dataset, Defaults, Reference, Target
from tasks.made_series import MadeSeries

END = 20.0  # sin(t) on [0, END]


@dataclass(frozen=True)
class Sine(MadeSeries):
    """`points` samples of sin(t) on [0, 20], cut into chronological parts and then into windows.

    noise: standard deviation of Gaussian noise added to every sample, inputs and targets alike; drawn from the seed.
        Without noise every seed gives the same data.
    window: samples that a prediction sees. per_step: predict the next sample after every one, not only the last.

    A clean sine obeys x(t+1) = 2·cos(ω)·x(t) − x(t−1), so a linear model of order 2 is exact. With noise that model
    amplifies the noise, and a longer memory lowers the error.
    """

    noise: float = 0.0
    window: int = 10
    points: int = 1000
    per_step: bool = False

    name = "sine"
    summary = "next sample of a sine, clean or noisy; two linear coefficients solve the clean one"
    input_size = output_size = 1
    defaults = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 500, "standard": 2000, "full": 8000},
        learning_rate=(1e-3, 3e-2),
    )

    @property
    def target(self) -> Target:
        """A tenth of the loss of persistence on the clean signal, added to the loss that cannot be avoided.

        Persistence: the mean square of sin(t + ω) − sin(t) over a period is 2·sin²(ω/2). What cannot be avoided: the
        noise of the sample itself (a third more for the noise of the inputs), and at the first of `window` steps, where
        the direction is not known yet, about the loss of persistence.
        """
        naive = 2 * math.sin(END / (self.points - 1) / 2) ** 2
        first_step = naive / self.window if self.per_step else 0.0
        return Target("loss", 1.35 * self.noise**2 + 0.1 * naive + first_step)

    def clean(self) -> Array:
        """The signal without noise: `(points,)` float64."""
        return np.sin(np.linspace(0.0, END, self.points))

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        signal = self.clean()
        if self.noise:
            signal = signal + self.noise * np.random.default_rng(seed).standard_normal(self.points)
        return windows.split_windows(signal[:, None], self.window, targets=[0], per_step=self.per_step)

    def references(self, dataset: Dataset) -> list[Reference]:
        if self.noise:
            return super().references(dataset)
        exact = fit_linear_ar(dataset.train.inputs, dataset.train.targets, min(2, self.window))
        return forecast_references(self, dataset, naive_forecasts(self, dataset), linear=exact)
