"""A user's own table: predict columns of a CSV file some rows ahead."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tasks.baselines import Predict, best_naive, forecast_references, naive_forecasts, seasonal_naive
from tasks.contract import Array, Columns, Dataset, Defaults, ForecastTimes, Origin, Reference, Target, Task
from tasks.errors import UserError
from tasks.origins import Origins, require_origins
from tasks.prepared_series import PreparedSeries, Standardised, prepare, standardise

STEPS = {"smoke": 25, "quick": 500, "standard": 2000, "full": 8000}
EPOCHS = {"smoke": 25, "quick": 60, "standard": 200, "full": 600}  # on few rows, more epochs only memorise them
MARGIN = 0.05


@dataclass(frozen=True)
class Series(Task):
    """From `window` rows of a CSV file to its target columns `horizon` rows after the last one.

    data: path of the file, UTF-8 with column names in the first line, rows in order of time. (The bare name of a file
        in `tasks/data` works too.)
    targets: columns to predict. They are inputs as well, with `features` beside them.
    time: a column that must increase (numbers or ISO dates); it is checked and not an input.
    season: rows in a season, for the seasonal naive reference. fill: "forward" repeats the last value in gaps;
        "none" refuses gaps.
    transform: "growth" takes all columns as growth in percent, 100 times the difference of their logarithms, in one
        row less; then these are the columns' units.

    Each replicate has another forecast origin (see `tasks.origins`): it tests on one block of rows, validates on the
    rows before it and trains on all rows before those. Columns are standardised with mean and standard deviation of
    these training rows. The loss is in these standard units; the metrics are in the columns' own. The file is read, and
    refused if need be, when the task is made.
    """

    data: str
    targets: tuple[str, ...]
    features: tuple[str, ...] = ()
    time: str | None = None
    window: int = 24
    horizon: int = 1
    season: int | None = None
    fill: Literal["none", "forward"] = "none"
    transform: Literal["none", "growth"] = "none"

    block: int | None = field(default=None, init=False)  # of `at`: the test block; None: before all blocks

    name = "series"
    version = 2
    summary = "your own CSV file: the next rows of its columns, in their own units"
    loss = "mse"
    defaults = Defaults(batch_size=64, steps=STEPS, learning_rate=(1e-3, 3e-2))

    def __post_init__(self) -> None:
        for key in ("targets", "features"):
            value = getattr(self, key)
            object.__setattr__(self, key, (value,) if isinstance(value, str) else tuple(value))
        for key in ("window", "horizon", "season"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise UserError(f"series: {key} is {value}: expected 1 or more")
        for key, choices in {"fill": ("none", "forward"), "transform": ("none", "growth")}.items():
            if getattr(self, key) not in choices:
                raise UserError(f"series: {key} is '{getattr(self, key)}': expected {' or '.join(choices)}")
        self._check_columns()
        for block in (None, *range(self.origins.blocks)):
            standardise(self.prepared, self.origins.parts(block)[0].stop, self.output_size)
        known = self.origins.parts(None)[1].start
        if self.season is not None and self.season * math.ceil(self.horizon / self.season) > known:
            raise UserError(
                f"series: season {self.season} is longer than the {known} rows before the earliest validation data"
            )
        train_count = len(self.origins.target_rows(None)[0])  # of the fewest rows: all replicates take as many steps
        object.__setattr__(self, "defaults", _defaults(train_count))  # of this file, in place of the class's own

    def _check_columns(self) -> None:
        if not self.targets:
            raise UserError("series needs a target column: give --target COLUMN")
        for flag, columns in {"--target": self.targets, "--features": self.features}.items():
            for column in columns:
                if columns.count(column) > 1:
                    raise UserError(f"'{column}' is given twice in {flag}: name each column once")
                if column == self.time:
                    raise UserError(f"'{column}' is both --time and {flag}: leave it out of one of them")
        for column in self.targets:
            if column in self.features:
                raise UserError(
                    f"'{column}' is both --target and --features: leave it out of --features; a target's own past is "
                    "always an input"
                )

    @cached_property
    def prepared(self) -> PreparedSeries:
        """The series in its own units. It is read once, so a file that changes during an experiment has no effect."""
        return prepare(
            self.data,
            self.targets,
            self.features,
            time=self.time,
            fill_forward=self.fill == "forward",
            growth=self.transform == "growth",
        )

    @cached_property
    def origins(self) -> Origins:
        """Where the series is cut. UserError where it is too short for two forecast origins."""
        return require_origins(self.data, len(self.prepared.values), self.window, self.horizon)

    @cached_property
    def standardised(self) -> Standardised:
        """All rows in units of this origin's training rows."""
        return standardise(self.prepared, self.origins.parts(self.block)[0].stop, self.output_size)

    def at(self, replicate: int) -> Series:
        block = self.origins.block_of(replicate)
        return self if block == self.block else _at_block(self.prepared, self, block)

    @property
    def origin(self) -> Origin:
        train, _, test = self.origins.parts(self.block)
        return Origin(self.block, self.origins.blocks, train.stop, test.stop - test.start)

    @property
    def forecast_times(self) -> ForecastTimes:
        """Of the time column, or numbers of the file's rows of data, from 1 on."""
        rows, series = self.origins.target_rows(self.block)[2], self.prepared
        if series.times and self.time is not None:
            return ForecastTimes(self.time, tuple(series.times[row] for row in rows))
        return ForecastTimes("row", tuple(str(row + 1 + (self.transform == "growth")) for row in rows))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the data, a sentence each; usually none."""
        return self.prepared.notes

    @property
    def columns(self) -> Columns:
        units = self.standardised
        mean, scale = (tuple(map(float, values)) for values in (units.mean, units.scale))
        wanted = slice(self.output_size)
        return Columns(
            inputs=(*self.targets, *self.features),
            outputs=self.targets,
            window=self.window,
            horizon=self.horizon,
            growth=self.transform == "growth",
            input_mean=mean,
            input_scale=scale,
            output_mean=mean[wanted],
            output_scale=scale[wanted],
        )

    @property
    def input_size(self) -> int:
        return len(self.targets) + len(self.features)

    @property
    def output_size(self) -> int:
        return len(self.targets)

    @cached_property
    def target(self) -> Target:
        """On validation data, 5 % below the lowest loss of a predictor without a recurrent net.

        The margin keeps out what is as good as such a predictor by chance, as an untrained net is on white noise.
        """
        best = min(reference.valid_loss or 0.0 for reference in self.references(self.generate(0)))
        return Target("loss", (1 - MARGIN) * best)

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        """The file's windows at this origin; nothing is random, so the seed changes nothing."""
        return self.origins.split(self.standardised.values, self.block, self.output_size)

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """`mae_<column>` and `rmse_<column>` for each target, in the column's own units."""
        errors = np.asarray(outputs, dtype=np.float64) - np.asarray(targets, dtype=np.float64)
        errors *= self.standardised.scale[: self.output_size]
        scores = {}
        for column, wrong in zip(self.targets, errors.T, strict=True):
            scores[f"mae_{column}"] = float(np.abs(wrong).mean())
            scores[f"rmse_{column}"] = float(np.sqrt((wrong**2).mean()))
        return scores

    def references(self, dataset: Dataset) -> list[Reference]:
        """The floor is the same at all origins: the naive predictor that is best on the earliest validation data."""
        return forecast_references(self, dataset, self._naive(dataset), floor=self.at(0).floor)

    @cached_property
    def floor(self) -> str:
        """The naive predictor with the lowest loss on this origin's validation data."""
        dataset = self.generate(0)
        return best_naive(self, dataset, self._naive(dataset))

    def _naive(self, dataset: Dataset) -> dict[str, tuple[Predict, str]]:
        """Naive predictors by name, for validation and test data."""
        found = naive_forecasts(self, dataset)
        if self.transform == "growth":
            units, wanted = self.standardised, slice(self.output_size)
            zero = -units.mean[wanted] / units.scale[wanted]
            found["no_growth"] = (lambda split: np.broadcast_to(zero, split.targets.shape), "always no growth")
        if self.season is not None:
            how = f"repeats the value {self.season * math.ceil(self.horizon / self.season)} rows before"
            found["seasonal_naive"] = (lambda split: self._seasonal(2 if split is dataset.test else 1), how)
        return found

    def _seasonal(self, part: int) -> Array:
        """For part 1 or 2 (validation, test), from the whole series: the window may be shorter than a season."""
        series = self.standardised.values[:, : self.output_size]
        rows = np.array(self.origins.target_rows(self.block)[part])
        return seasonal_naive(series, rows, self.season or 1, self.horizon)

    def identity(self) -> dict[str, Any]:
        """The parameters, the file's name (not its folder) and the SHA-256 of its content; equal at all origins."""
        file = {"data": Path(self.data).name, "sha256": self.prepared.sha256}
        return {**super().identity(), **file, "targets": list(self.targets), "features": list(self.features)}

    @property
    def label(self) -> str:
        """`series[FILE]`, with the targets where the file has columns that are not used, and what else was set."""
        parts = [Path(self.data).stem]
        if self.prepared.spare:
            parts.append("+".join(self.targets))
        if self.features:
            parts.append("features=" + "+".join(self.features))
        parts += [f"window={self.window}"] if self.window != 24 else []
        parts += [f"horizon={self.horizon}"] if self.horizon != 1 else []
        parts += [self.transform] if self.transform != "none" else []
        return f"{self.name}[{','.join(parts)}]"


@lru_cache(maxsize=64)
def _at_block(prepared: PreparedSeries, task: Series, block: int | None) -> Series:
    """The task at another origin, made once, so that what it fits there is fitted once.

    prepared: keeps apart tasks with equal parameters that read a file before and after it changed.
    """
    other = copy.copy(task)
    vars(other)["block"] = block
    for name in ("standardised", "target", "floor"):  # cached, but of the other origin
        vars(other).pop(name, None)
    return other


def _defaults(train_count: int) -> Defaults:
    """Smaller batches and fewer steps on few sequences: about eight steps or more an epoch, and not too many epochs."""
    batch_size = min(64, train_count, 2 ** max(2, int(math.log2(max(train_count / 8, 1)))))
    per_epoch = math.ceil(train_count / batch_size)
    steps = {budget: min(count, EPOCHS[budget] * per_epoch) for budget, count in STEPS.items()}
    return Defaults(batch_size=batch_size, steps=steps, learning_rate=(1e-3, 3e-2))
