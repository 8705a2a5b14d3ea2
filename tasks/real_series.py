"""Three public series that statsmodels carries: annual sunspots, weekly CO2, quarterly growth of the US economy.

Each is the `series` task on a file of the installed package (extra: data), so forecast origins, references and units
are those of a user's own table. Nothing is downloaded.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tasks.contract import Array, Columns, Dataset, Defaults, ForecastTimes, Origin, Reference, Split, Target, Task
from tasks.packaged_data import packaged_file
from tasks.series import Series
from tasks.series_steps import LEARNING_RATES, STEPS


@dataclass(frozen=True)
class RealSeries(Task):
    """Base of the three. window: rows that a prediction looks back at; horizon: rows that it looks ahead."""

    window: int = 24
    horizon: int = 1

    block: int | None = field(default=None, init=False)  # of `at`: the test block; None: before all blocks

    version = 2
    loss = "mse"
    loss_unit = Series.loss_unit
    defaults = Defaults(batch_size=64, steps=STEPS, learning_rate=LEARNING_RATES)

    def __post_init__(self) -> None:
        object.__setattr__(self, "defaults", self.series.defaults)  # of as many rows

    @abstractmethod
    def _make(self) -> Series:
        """The `series` task on the file of the package."""

    @cached_property
    def series(self) -> Series:
        """UserError where statsmodels is not installed, or where the window does not fit."""
        return self._make()

    def _of(self, file: str, targets: tuple[str, ...], **parameters: Any) -> Series:
        path = packaged_file("statsmodels", f"datasets/{file}", task=self.name, extra="data")
        return Series(str(path), targets, window=self.window, horizon=self.horizon, **parameters)

    def at(self, replicate: int) -> RealSeries:
        series, other = self.series.at(replicate), copy.copy(self)
        vars(other).update(series=series, block=series.block)
        return other

    @property
    def origin(self) -> Origin:
        return self.series.origin

    @property
    def columns(self) -> Columns:
        return self.series.columns

    @property
    def forecast_times(self) -> ForecastTimes:
        return self.series.forecast_times

    @property
    def rows(self) -> int:
        return self.series.rows

    @property
    def notes(self) -> tuple[str, ...]:
        return self.series.notes

    @property
    def input_size(self) -> int:
        return self.series.input_size

    @property
    def output_size(self) -> int:
        return self.series.output_size

    @property
    def target(self) -> Target:
        return self.series.target

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        return self.series.generate(seed)

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        return self.series.metrics(outputs, targets, mask)

    def score(self, outputs: Array, split: Split) -> dict[str, float]:
        return self.series.score(outputs, split)

    def in_units(self, values: Array, split: Split) -> Array:
        return self.series.in_units(values, split)

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        return self.series.references(dataset)

    def identity(self) -> dict[str, Any]:
        """With the content's SHA-256: another version of the package may carry other numbers."""
        return {**super().identity(), "sha256": self.series.prepared.sha256}


@dataclass(frozen=True)
class Sunspots(RealSeries):
    """Yearly mean sunspot numbers, 1700 to 2008; the solar cycle takes about 11 years. Public domain (SIDC, NOAA)."""

    name = "sunspots"
    summary = "annual sunspot numbers 1700-2008, cycles of about 11 years (extra: data)"

    def _make(self) -> Series:
        return self._of("sunspots/sunspots.csv", ("SUNACTIVITY",), time="YEAR", season=11)


@dataclass(frozen=True)
class Co2(RealSeries):
    """Weekly CO2 at Mauna Loa in ppm, March 1958 to December 2001, its 59 missing weeks filled forward. Public domain
    (Keeling & Whorf, CDIAC).

    The series rises all the time: test values lie above everything in the training data, which a net must extrapolate.
    """

    window: int = 52

    version = 3
    name = "co2"
    summary = "weekly CO2 at Mauna Loa 1958-2001, 59 missing weeks filled forward (extra: data)"

    def _make(self) -> Series:
        return self._of("co2/co2.csv", ("co2",), season=52, fill="forward")


@dataclass(frozen=True)
class Macro(RealSeries):
    """Quarterly growth (100 times the difference of logarithms) of real GDP, consumption and investment in the United
    States, 1959 to 2009: three inputs, three targets. Errors are in the columns' own units, billions of dollars. Public
    domain (FRED, St. Louis Fed).
    """

    window: int = 8

    version = 3
    name = "macro"
    summary = "quarterly growth of US GDP, consumption and investment, 3 features (extra: data)"

    def _make(self) -> Series:
        targets = ("realgdp", "realcons", "realinv")
        return self._of("macrodata/macrodata.csv", targets, season=4, transform="growth")
