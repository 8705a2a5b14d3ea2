"""Naive forecasts of a series, in its transformed and standardised units, whatever the horizons and the transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.contract import Array, Dataset, Split
from tasks.forecast_targets import ForecastTargets
from tasks.prepared_series import Standardised
from tasks.transform import RELATIVE, Transform

Predict = Callable[[Split], Array]


@dataclass(frozen=True, eq=False)
class NaiveForecasts:
    """rows: of validation and of test, those of the furthest horizon of each forecast."""

    units: Standardised
    targets: ForecastTargets
    horizons: tuple[int, ...]
    transform: Transform
    season: int | None
    rows: tuple[Sequence[int], Sequence[int]]

    def by_name(self, dataset: Dataset) -> dict[str, tuple[Predict, str]]:
        """Predictors for validation and test data, with how each predicts."""
        mean = dataset.train.targets.mean(axis=0)
        last = "repeats the last value of the window"
        if self.transform in RELATIVE:
            last = f"repeats the last {self.transform} of the window"
        found: dict[str, tuple[Predict, str]] = {
            "persistence": (self._last, last),
            "training_mean": (
                lambda split: np.broadcast_to(mean, split.targets.shape),
                "always the mean of the training targets",
            ),
        }
        if self.transform in RELATIVE:
            zero = -self.targets.mean / self.targets.scale
            name = "no_growth" if self.transform == "growth" else "no_change"
            how = "always no growth" if self.transform == "growth" else "always no change: the last value itself"
            found[name] = (lambda split: np.broadcast_to(zero, split.targets.shape), how)
        if self.season is not None:
            lags = [str(lag) for lag in dict.fromkeys(self._lags(self.season))]
            how = f"repeats the value {' or '.join(lags[:3])}{' …' if len(lags) > 3 else ''} rows before"
            found["seasonal_naive"] = (lambda split: self._seasonal(split, dataset), how)
        return found

    def _last(self, split: Split) -> Array:
        """The last value of each target in the window, `(N, O)`; as many times the last change as rows lie ahead."""
        count, each = len(self.targets.mean) // len(self.horizons), len(self.horizons)
        last = np.repeat(split.inputs[:, -1, :count], each, axis=1)
        if self.transform not in RELATIVE or self.horizons == (1,):
            return last
        mean, scale = (np.repeat(values[:count], each) for values in (self.units.mean, self.units.scale))
        ahead = np.tile(self.horizons, count)
        return np.asarray(((last * scale + mean) * ahead - self.targets.mean) / self.targets.scale)

    def _lags(self, season: int) -> list[int]:
        """For each horizon, the rows of as many seasons as it takes to be known when the forecast is made."""
        return [season * math.ceil(horizon / season) for horizon in self.horizons]

    def _seasonal(self, split: Split, dataset: Dataset) -> Array:
        """From the whole series: the window may be shorter than a season. Formula: Hyndman & Athanasopoulos 2021,
        Forecasting, section 5.2."""
        rows = np.array(self.rows[1 if split is dataset.test else 0])
        count = len(self.targets.mean) // len(self.horizons)
        lags = self._lags(self.season or 1) * count
        return np.stack([self.targets.values[rows - lag, output] for output, lag in enumerate(lags)], axis=1)

    def seasonal_in_windows(self, inputs: Array) -> Array:
        """As the seasonal naive forecast, from standardised windows `(N, T, I)` alone, with T >= `longest_lag`.

        The change over several rows is the sum of their changes, of growth (a difference of logarithms) too.
        """
        length, each, found = inputs.shape[1], len(self.horizons), []
        for output in range(len(self.targets.mean)):
            column, horizon = output // each, self.horizons[output % each]
            last = length - 1 + horizon - self._lags(self.season or 1)[output % each]  # the row that is repeated
            if self.transform in RELATIVE and horizon > 1:
                changes = inputs[:, last - horizon + 1 : last + 1, column].astype(np.float64)
                changes = (changes * self.units.scale[column] + self.units.mean[column]).sum(axis=1)
                found.append((changes - self.targets.mean[output]) / self.targets.scale[output])
            else:
                found.append(inputs[:, last, column])
        return np.stack(found, axis=1)

    @property
    def longest_lag(self) -> int:
        """Rows that the seasonal naive forecast looks back; 0 without a season."""
        return 0 if self.season is None else max(self._lags(self.season))
