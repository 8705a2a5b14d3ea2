"""Next-step prediction of the Lorenz system under observation noise: coupled, nonlinear, with a known noise floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks import windows
from tasks.baselines import score
from tasks.contract import Array, Dataset, Defaults, Reference, Target
from tasks.errors import UserError
from tasks.made_series import MadeSeries
from tasks.polynomial_ar import choose_polynomial_ar

SIGMA, RHO, BETA = 10.0, 28.0, 8.0 / 3.0  # the chaotic regime of Lorenz 1963
BURN_IN = 100  # samples dropped until the orbit is on the attractor


@dataclass(frozen=True)
class Regression(MadeSeries):
    """From the last `window` noisy observations of (x, y, z) to the next noisy observation.

    outputs: how many of x, y, z are predicted, in this order; all three are always seen.
    noise: standard deviation of the Gaussian observation noise, in units of each variable's own standard deviation
        over the training part. It sits on inputs and targets alike.
    points: observations, `interval` time units apart. The seed decides the initial state and the noise.

    Variables are standardised with mean and standard deviation of the clean training part, and the noise is added
    after that. So a prediction's expected squared error is its error against the clean next state plus exactly
    noise²: the limit that no model can pass on data it has not seen.
    """

    outputs: int = 3
    window: int = 10
    noise: float = 0.05
    points: int = 2400
    interval: float = 0.1

    name = "regression"
    summary = "next state of the Lorenz system from noisy observations; the noise floor is known"
    cites = ("lorenz1963",)
    input_size = 3
    variables = ("x", "y", "z")
    defaults = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 500, "standard": 2500, "full": 10_000},
        learning_rate=(1e-3, 3e-2),
    )

    def __post_init__(self) -> None:
        if self.outputs not in (1, 2, 3):
            raise UserError(f"regression[outputs={self.outputs}]: expected 1, 2 or 3 (x, y, z)")
        if not 0 < self.interval <= 10:
            raise UserError(f"regression[interval={self.interval}]: expected time units above 0, up to 10")
        super().__post_init__()

    @property
    def output_size(self) -> int:
        return self.outputs

    @property
    def target(self) -> Target:
        """Twice the limit, as the noise of the inputs adds about as much again, and a small margin."""
        return Target("loss", 0.0025 + 2 * self.noise**2)

    def clean(self, seed: int | np.random.Generator) -> tuple[Array, np.random.Generator]:
        """The standardised states `(points, 3)` float64, and the generator from which the noise is drawn next."""
        rng = np.random.default_rng(seed)
        start = rng.uniform((-10.0, -10.0, 15.0), (10.0, 10.0, 35.0))
        states = integrate_lorenz(start, BURN_IN + self.points, self.interval)[BURN_IN:]
        train = states[windows.chronological_parts(self.points)[0]]
        return (states - train.mean(axis=0)) / train.std(axis=0), rng

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        states, rng = self.clean(seed)
        observed = states + self.noise * rng.standard_normal(states.shape)
        return windows.split_windows(observed, self.window, targets=range(self.outputs))

    def references(self, dataset: Dataset) -> list[Reference]:
        """Those of every made series, and a polynomial, as the law that is to be learned is one."""
        found = super().references(dataset)
        chosen = choose_polynomial_ar(dataset.train, dataset.valid)
        if chosen is None:
            return found
        how = f"least squares on products of up to {chosen.degree} of the last {chosen.order * self.input_size} values"
        how += ", degree and order chosen on validation data"
        fitted = score(self, "polynomial_ar", "baseline", lambda split: chosen.predict(split.inputs), dataset, how)
        return [*found, fitted]


def integrate_lorenz(start: Array, points: int, interval: float, longest_step: float = 0.01) -> Array:
    """States `(points, 3)` of the Lorenz system, `interval` time units apart, beginning with `start` `(3,)`.

    dx = σ(y − x), dy = x(ρ − z) − y, dz = xy − βz (Lorenz 1963, J. Atmos. Sci. 20:130). Classical Runge-Kutta of
    order 4 with equal steps of at most `longest_step`. Plain floats instead of arrays: NumPy is slower
    on three numbers, and each operation rounds alike on every machine, which a chaotic orbit needs.
    """
    substeps = max(1, int(np.ceil(interval / longest_step - 1e-9)))
    step = interval / substeps
    half, sixth, sigma, rho, beta = step / 2, step / 6, SIGMA, RHO, BETA  # local names: a fifth less time
    x, y, z = (float(value) for value in start)
    states = [(x, y, z)]
    for _ in range(points - 1):
        for _ in range(substeps):
            a1, b1, c1 = sigma * (y - x), x * (rho - z) - y, x * y - beta * z
            u, v, w = x + half * a1, y + half * b1, z + half * c1
            a2, b2, c2 = sigma * (v - u), u * (rho - w) - v, u * v - beta * w
            u, v, w = x + half * a2, y + half * b2, z + half * c2
            a3, b3, c3 = sigma * (v - u), u * (rho - w) - v, u * v - beta * w
            u, v, w = x + step * a3, y + step * b3, z + step * c3
            a4, b4, c4 = sigma * (v - u), u * (rho - w) - v, u * v - beta * w
            x += sixth * (a1 + 2 * a2 + 2 * a3 + a4)
            y += sixth * (b1 + 2 * b2 + 2 * b3 + b4)
            z += sixth * (c1 + 2 * c2 + 2 * c3 + c4)
        states.append((x, y, z))
    return np.array(states)
