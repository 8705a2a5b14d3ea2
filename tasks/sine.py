"""Next-step prediction of a sampled sine: trivial for two linear coefficients, unless noise is added."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks import windows
from tasks.baselines import choose_linear_ar, fit_linear_ar, persistence, score
from tasks.contract import Array, Columns, Dataset, Defaults, Loss, Reference, Target, Task
from tasks.errors import UserError
from tasks.metrics import error_metrics

END = 20.0  # sin(t) on [0, END]


@dataclass(frozen=True)
class Sine(Task):
    """`points` samples of sin(t) on [0, 20], cut into chronological parts and then into windows.

    noise: standard deviation of Gaussian noise added to every sample, inputs and targets alike; drawn from the seed.
        Without noise every seed gives the same data.
    window: samples that a prediction sees. per_step: predict the next sample after every one, not only the last.

    A clean sine obeys x(t+1) = 2·cos(ω)·x(t) − x(t−1), so a linear model of order 2 is exact. With noise that model
    amplifies the noise, and remembering more of the past pays.
    """

    noise: float = 0.0
    window: int = 10
    points: int = 1000
    per_step: bool = False

    name: ClassVar[str] = "sine"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "next sample of a sine, clean or noisy; two linear coefficients solve the clean one"
    loss: ClassVar[Loss] = "mse"
    defaults: ClassVar[Defaults] = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 500, "standard": 2000, "full": 8000},
        learning_rate=(1e-3, 3e-2),
    )

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise UserError(f"sine[noise={self.noise}]: noise is a standard deviation, expected 0 or more")
        if self.window < 1:
            raise UserError(f"sine[window={self.window}]: expected 1 or more")
        needed = windows.rows_needed(self.window)
        if self.points < needed:
            raise UserError(f"sine[points={self.points}]: window {self.window} needs at least {needed} points")

    @property
    def input_size(self) -> int:
        return 1

    @property
    def output_size(self) -> int:
        return 1

    @property
    def target(self) -> Target:
        """A tenth of what persistence loses on the clean signal, above what cannot be avoided.

        Persistence: the mean square of sin(t + ω) − sin(t) over a period is 2·sin²(ω/2). Not to be avoided: the noise
        of the sample itself (with a third on top for the noise of the inputs), and at the first of `window` steps,
        where no direction is known yet, about what persistence loses.
        """
        naive = 2 * math.sin(END / (self.points - 1) / 2) ** 2
        first_step = naive / self.window if self.per_step else 0.0
        return Target("loss", 1.35 * self.noise**2 + 0.1 * naive + first_step)

    @property
    def columns(self) -> Columns:
        return Columns(("value",), ("value",), self.window)

    def clean(self) -> Array:
        """The signal without noise: `(points,)` float64."""
        return np.sin(np.linspace(0.0, END, self.points))

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        signal = self.clean()
        if self.noise:
            signal = signal + self.noise * np.random.default_rng(seed).standard_normal(self.points)
        return windows.split_windows(signal[:, None], self.window, targets=[0], per_step=self.per_step)

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        return error_metrics(outputs, targets, mask)

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        train, valid, test = dataset.train, dataset.valid, dataset.test
        if self.noise:
            linear, chosen = choose_linear_ar(train, valid), "chosen on validation data"
        else:
            linear, chosen = fit_linear_ar(train.inputs, train.targets, min(2, self.window)), "exact for a sine"
        naive = persistence(test.inputs, [0], per_step=self.per_step)
        found = [
            score(self, "persistence", "floor", naive, test, how="the last sample"),
            score(
                self,
                "linear_ar",
                "baseline",
                linear.predict(test.inputs),
                test,
                how=f"least squares, order {linear.order} ({chosen})",
            ),
        ]
        if self.noise:
            how = "exact: the noise of the predicted sample, noise², whatever the prediction; expected loss"
            found.append(Reference("noise", "limit", self.noise**2, {"rmse": self.noise}, how))
        return found
