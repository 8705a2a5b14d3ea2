"""A user's own table: predict columns of a CSV file some rows ahead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from tasks import windows
from tasks.baselines import choose_linear_ar, persistence, score, seasonal_naive
from tasks.contract import Array, Columns, Dataset, Defaults, Loss, Reference, Target, Task
from tasks.errors import UserError
from tasks.losses import mean_loss
from tasks.prepared_series import PreparedSeries, prepare

STEPS = {"smoke": 25, "quick": 500, "standard": 2000, "full": 8000}
EPOCHS = {"smoke": 25, "quick": 60, "standard": 200, "full": 600}  # on few rows, more only learns them by heart


@dataclass(frozen=True)
class Series(Task):
    """From `window` rows of a CSV file to its target columns `horizon` rows after the last one.

    data: path of the file, UTF-8 with column names in the first line, rows in order of time. (The bare name of a file
        in `tasks/data` works too.)
    targets: columns to predict. They are inputs as well, with `features` beside them.
    time: a column that must increase (numbers or ISO dates); it is checked, not an input.
    season: rows in a season, for the seasonal naive reference. fill: "forward" repeats the last value in gaps;
        "none" refuses gaps.
    transform: "growth" takes all columns as growth in percent, 100 times the difference of their logarithms, in one
        row less; then these are the columns' units.

    The rows are cut into 70 % training, 15 % validation, 15 % test, in order of time, before windows are made. Columns
    are standardised with mean and standard deviation of the training rows. The loss is in these standard units; the
    metrics are in the columns' own. The file is read, and refused if need be, when the task is made.
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

    name: ClassVar[str] = "series"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "your own CSV file: the next rows of its columns, in their own units"
    loss: ClassVar[Loss] = "mse"
    defaults: ClassVar[Defaults] = Defaults(batch_size=64, steps=STEPS, learning_rate=(1e-3, 3e-2))

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
        rows = len(self.prepared.values)
        test_start = windows.chronological_parts(rows)[2].start
        if self.season is not None and self.season * math.ceil(self.horizon / self.season) > test_start:
            raise UserError(f"series: season {self.season} is longer than the {test_start} rows before the test data")
        train_count = windows.chronological_parts(rows)[0].stop - self.window - self.horizon + 1
        object.__setattr__(self, "defaults", _defaults(train_count))  # of this file, in place of the class's own

    def _check_columns(self) -> None:
        if not self.targets:
            raise UserError("series needs a target column: give --target COLUMN")
        chosen = [*self.targets, *self.features, *([] if self.time is None else [self.time])]
        for column in chosen:
            if chosen.count(column) > 1:
                raise UserError(
                    f"series: column '{column}' is given twice: expected a target (an input too), a feature or the time"
                )

    @cached_property
    def prepared(self) -> PreparedSeries:
        """The standardised series. Kept, so that a file that changes during an experiment cannot mix into it."""
        return prepare(
            self.data,
            self.targets,
            self.features,
            time=self.time,
            fill_forward=self.fill == "forward",
            growth=self.transform == "growth",
            least_rows=windows.rows_needed(self.window, self.horizon),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the data: a sentence each, most often none."""
        return self.prepared.notes

    @property
    def columns(self) -> Columns:
        mean, scale = (tuple(map(float, values)) for values in (self.prepared.mean, self.prepared.scale))
        wanted = slice(len(self.targets))
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
        """On the validation data, half of the way from the best naive prediction (persistence, seasonal) to linear_ar.

        Where the linear model is no better than the naive ones, the best of these.
        """
        dataset = self.generate(0)
        valid = dataset.valid
        naive = [persistence(valid.inputs, range(self.output_size))]
        if self.season is not None and self._reaches_back(1):
            naive.append(self._seasonal(1))
        best = min(mean_loss("mse", outputs, valid.targets) for outputs in naive)
        linear = choose_linear_ar(dataset.train, valid).predict(valid.inputs)
        return Target("loss", best - max(0.0, best - mean_loss("mse", linear, valid.targets)) / 2)

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        """The file's windows; nothing is random, so the seed changes nothing."""
        columns = range(self.output_size)
        return windows.split_windows(self.prepared.values, self.window, horizon=self.horizon, targets=columns)

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """`mae_<column>` and `rmse_<column>` for each target, in the column's own units."""
        errors = np.asarray(outputs, dtype=np.float64) - np.asarray(targets, dtype=np.float64)
        errors *= self.prepared.scale[: self.output_size]
        scores = {}
        for column, wrong in zip(self.targets, errors.T, strict=True):
            scores[f"mae_{column}"] = float(np.abs(wrong).mean())
            scores[f"rmse_{column}"] = float(np.sqrt((wrong**2).mean()))
        return scores

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        test = dataset.test
        naive = persistence(test.inputs, range(self.output_size))
        found = [score(self, "persistence", "floor", naive, test, how="the last row of the window")]
        if self.season is not None:
            how = f"the value {self.season} rows before"
            found.append(score(self, "seasonal_naive", "baseline", self._seasonal(2), test, how=how))
        linear = choose_linear_ar(dataset.train, dataset.valid)
        how = f"least squares on all inputs, order {linear.order} (chosen on validation data)"
        found.append(score(self, "linear_ar", "baseline", linear.predict(test.inputs), test, how=how))
        return found

    def identity(self) -> dict[str, Any]:
        """The parameters, with the file's name (not its folder) and the SHA-256 of its content."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values |= {"data": Path(self.data).name, "sha256": self.prepared.sha256}
        return values | {"targets": list(self.targets), "features": list(self.features)}

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

    def _target_rows(self, part: int) -> Array:
        """Positions in the series of the values that part 0, 1 or 2 (training, validation, test) predicts."""
        rows = windows.chronological_parts(len(self.prepared.values))[part]
        return np.arange(rows.start + self.window + self.horizon - 1, rows.stop)

    def _reaches_back(self, part: int) -> bool:
        season = self.season or 1
        return bool(self._target_rows(part)[0] >= season * math.ceil(self.horizon / season))

    def _seasonal(self, part: int) -> Array:
        """From the whole series and not from the window, which may be shorter than a season. Only the past is used."""
        series = self.prepared.values[:, : self.output_size]
        return seasonal_naive(series, self._target_rows(part), self.season or 1, self.horizon)


def _defaults(train_count: int) -> Defaults:
    """Smaller batches and fewer steps on few sequences: about eight steps or more an epoch, and not too many epochs."""
    batch_size = min(64, train_count, 2 ** max(2, int(math.log2(max(train_count / 8, 1)))))
    per_epoch = math.ceil(train_count / batch_size)
    steps = {budget: min(count, EPOCHS[budget] * per_epoch) for budget, count in STEPS.items()}
    return Defaults(batch_size=batch_size, steps=steps, learning_rate=(1e-3, 3e-2))
