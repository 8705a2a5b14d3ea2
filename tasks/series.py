"""A user's own table: predict columns of a CSV file some rows ahead."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tasks.baselines import Predict, best_naive, forecast_references
from tasks.contract import Array, Columns, Dataset, Defaults, ForecastTimes, Origin, Reference, Split, Target
from tasks.errors import UserError
from tasks.forecast_targets import ForecastTargets, forecast_targets
from tasks.measured import measured_outputs, origins_with_measured, skipped_note
from tasks.origins import Origins, require_origins
from tasks.prepared_series import PreparedSeries, Standardised, prepare, standardise
from tasks.season import season_note
from tasks.series_references import NaiveForecasts
from tasks.series_scores import series_scores
from tasks.series_settings import SeriesSettings
from tasks.series_steps import LEARNING_RATES, STEPS, series_defaults
from tasks.transform import RELATIVE, own_units

MARGIN = 0.05
_ALWAYS = ("data", "targets", "features", "time", "window", "horizon", "season", "fill", "transform")  # in identities


@dataclass(frozen=True)
class Series(SeriesSettings):
    """From `window` rows of a CSV file to its target columns `horizon` rows after the last one.

    Each replicate has another forecast origin (see `tasks.origins`): it tests on one block of rows, validates on the
    rows before it and trains on all rows before those. Columns are standardised with mean and standard deviation of
    these training rows. The loss is in these transformed, standard units; the metrics are in the columns' own. The file
    is read, and refused if need be, when the task is made.
    """

    block: int | None = field(default=None, init=False)  # of `at`: the test block; None: before all blocks
    content: str = field(default="", init=False, repr=False)  # its SHA-256: what is cached of a task is of this content

    name = "series"
    version = 2
    summary = "your own CSV file: the next rows of its columns, in their own units"
    loss = "mse"
    loss_unit = "1 is the variance of what is predicted, over the rows of training"
    defaults = Defaults(batch_size=64, steps=STEPS, learning_rate=LEARNING_RATES)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "content", self.prepared.sha256)
        for block in (None, *range(self.origins.blocks)):
            standardise(self.prepared, self.origins.parts(block)[0].stop, len(self.targets))
        known = self.origins.parts(None)[1].start
        if self.season is not None and self.season * math.ceil(self.furthest / self.season) > known:
            raise UserError(
                f"series: season {self.season} is longer than the {known} rows before the earliest validation data"
            )
        train_count = len(self.origins.target_rows(None)[0])  # of the fewest rows: all replicates take as many steps
        # of this file, in place of the class's own
        object.__setattr__(self, "defaults", series_defaults(train_count, self.window))

    def __getstate__(self) -> dict[str, Any]:
        """Without what follows quickly from the rows: a job carries its task to a worker."""
        return {key: value for key, value in vars(self).items() if key not in ("standardised", "forecasts", "measured")}

    @property
    def asks(self) -> str:
        rows = ", ".join(map(str, self.rows_ahead))
        return f"{', '.join(self.targets)} of {Path(self.data).name}, {rows} row{'s' * (rows != '1')} ahead"

    @cached_property
    def prepared(self) -> PreparedSeries:
        """The series in its own units. It is read once, so a file that changes during an experiment has no effect."""
        return prepare(self.data, self.reading, self.selection, self.transform)

    @cached_property
    def origins(self) -> Origins:
        """Where the series is cut. UserError where it is too short for two forecast origins."""
        several, resampled = self.horizons is not None, (self.resample, self.prepared.resampled)
        found = require_origins(self.data, self.rows, self.window, self.furthest, several=several, resampled=resampled)
        if self.prepared.measured is None:
            return found
        outputs = measured_outputs(self.prepared.measured, self.rows_ahead)
        return origins_with_measured(self.data, found, outputs, self.targets, self._when)

    @cached_property
    def standardised(self) -> Standardised:
        """All inputs in units of this origin's training rows."""
        return standardise(self.prepared, self._train_rows, len(self.targets))

    @cached_property
    def forecasts(self) -> ForecastTargets:
        """What is predicted, in units of this origin's training rows."""
        return forecast_targets(self.prepared, self.standardised, self._train_rows, self.rows_ahead, self.transform)

    @cached_property
    def measured(self) -> Array | None:
        """`(rows, O)` bool: which of the outputs that are predicted for a row were measured; None: all that count."""
        measured = self.prepared.measured
        if measured is None or measured[self.origins.parts(None)[1].start :].all():
            return None
        return measured_outputs(measured, self.rows_ahead)

    @property
    def _train_rows(self) -> int:
        return int(self.origins.parts(self.block)[0].stop)

    def at(self, replicate: int) -> Series:
        block = self.origins.block_of(replicate)
        return self if block == self.block else _at_block(self.prepared, self, block)

    @property
    def origin(self) -> Origin:
        train, _, test = self.origins.parts(self.block)
        return Origin(self.block, self.origins.blocks, train.stop, test.stop - test.start, self.rows)

    @property
    def forecast_times(self) -> ForecastTimes:
        """Of the time column, or numbers of the file's rows of data, from 1 on; for the outputs furthest ahead."""
        rows = self.origins.target_rows(self.block)[2]
        outputs = tuple(i for i in range(self.output_size) if (i + 1) % len(self.rows_ahead) == 0)
        return ForecastTimes(self.time or "row", tuple(map(self._when, rows)), outputs)

    def _when(self, row: int) -> str:
        """The time of a row of the prepared series, or its number among the rows of data, from 1 on."""
        row += int(self.transform in RELATIVE)  # these lose the first row
        times = self.prepared.times
        return str(row + 1) if times is None else times.text(row)

    @property
    def rows(self) -> int:
        return len(self.prepared.values)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the data, a sentence each; usually none."""
        notes = list(self.prepared.notes)
        if self.measured is not None:
            notes.append("a value that is filled in is seen and learnt from, but no forecast of it is scored")
        if self.origins.skipped:
            notes.append(skipped_note(self.origins, self._when, "row " * (self.prepared.times is None)))
        if self.horizons is None and self.horizon > 1:
            only = f"each forecast is of one row, {self.horizon} rows after the last that it sees"
            notes.append(f"{only}; --horizons 1-{self.horizon} forecasts all rows up to there")
        if self.season is None:
            known = self.at(0).standardised.values[: self.origins.parts(None)[0].stop]  # of the earliest training
            notes += season_note(self.targets, known, self.rows_ahead)
        return tuple(notes)

    @property
    def columns(self) -> Columns:
        units, wanted, prepared = self.standardised, self.forecasts, self.prepared
        input_mean, input_scale, output_mean, output_scale = (
            tuple(map(float, values)) for values in (units.mean, units.scale, wanted.mean, wanted.scale)
        )
        return Columns(
            inputs=prepared.names,
            outputs=self.output_names,
            window=self.window,
            horizon=self.furthest,
            input_mean=input_mean,
            input_scale=input_scale,
            output_mean=output_mean,
            output_scale=output_scale,
            transform=self.transform,
            horizons=self.rows_ahead,
            reading=self.reading,
            selection=self.selection,
            words=tuple(prepared.words[name] for name in self.categorical),
        )

    @property
    def input_size(self) -> int:
        return len(self.prepared.names)

    @cached_property
    def target(self) -> Target:
        """On validation data, 5 % below the lowest loss of a predictor without a recurrent net.

        The margin keeps out what is as good as such a predictor by chance, as an untrained net is on white noise.
        """
        best = min(reference.valid_loss or 0.0 for reference in self.references(self.generate(0)))
        return Target("loss", (1 - MARGIN) * best)

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        """The file's windows at this origin; nothing is random, so the seed changes nothing."""
        inputs, prepared, wanted = self.standardised.values, self.prepared, self.forecasts
        ahead = [i for i, name in enumerate(prepared.names) if name in prepared.ahead]
        if ahead:  # at each step what is known of the row that many rows later
            inputs = inputs.copy()
            inputs[: -self.furthest, ahead] = inputs[self.furthest :, ahead]
        base = wanted.base if self.transform in RELATIVE else None
        return self.origins.split(inputs, wanted.values, self.block, base, self.measured)

    def in_units(self, values: Array, split: Split) -> Array:
        """Outputs or targets `(N, O)` of a split in the columns' own units, float64."""
        wanted = self.forecasts
        return own_units(np.asarray(values, dtype=np.float64) * wanted.scale + wanted.mean, split.base, self.transform)

    def score(self, outputs: Array, split: Split) -> dict[str, float]:
        """`mae_<column>` and `rmse_<column>` for each target, in the column's own units; with several horizons over all
        of them, and then of each: `mae_<column>_h1`, ….
        """
        if self.transform == "none":
            return self.metrics(outputs, split.targets, split.measured)
        errors = self.in_units(outputs, split) - self.in_units(split.targets, split)
        return series_scores(errors, self.targets, self.output_names, split.measured)

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """As `score`, of the transformed columns: what is needed for their own units stands in a `Split`.

        mask: `(N, O)`, which targets were measured; None: all.
        """
        errors = np.asarray(outputs, dtype=np.float64) - np.asarray(targets, dtype=np.float64)
        return series_scores(errors * self.forecasts.scale, self.targets, self.output_names, mask)

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
        _, valid, test = self.origins.target_rows(self.block)
        parts = (self.standardised, self.forecasts, self.rows_ahead, self.transform, self.season, (valid, test))
        return NaiveForecasts(*parts).by_name(dataset)

    def identity(self) -> dict[str, Any]:
        """The parameters, the file's name (not its folder) and the SHA-256 of its content; equal at all origins.

        What was added to the first parameters is left out where it changes nothing, so that tasks of before keep
        theirs.
        """
        kept = {key: value for key, value in super().identity().items() if key in _ALWAYS or value != _DEFAULTS[key]}
        kept |= {key: list(value) for key, value in kept.items() if isinstance(value, tuple)}
        kept |= {"data": Path(self.data).name, "sha256": self.prepared.sha256}
        kept |= {"left_out": list(self.prepared.left_out)} if self.prepared.left_out else {}
        kept |= {"added_rows": self.prepared.added} if self.prepared.added else {}
        kept |= {"units": "own"} if self.transform != "none" else {}  # before, metrics were in percent of growth
        kept |= {"scored": "measured"} if self.measured is not None else {}  # before, filled values too
        kept |= {"skipped_blocks": self.origins.skipped} if self.origins.skipped else {}  # before, all were longer
        return kept

    @property
    def label(self) -> str:
        """`series[FILE]`, with the targets where the file has columns that are not used, and what else was set."""
        parts = [Path(self.data).stem]
        if self.prepared.spare:
            parts.append("+".join(self.targets))
        for key in ("features", "categorical", "known", "calendar"):
            parts += [f"{key}=" + "+".join(getattr(self, key))] if getattr(self, key) else []
        parts += [f"window={self.window}"] if self.window != 24 else []
        parts += [f"horizon={self.horizon}"] if self.horizon != 1 else []
        parts += [f"horizons={self.horizons}"] if self.horizons is not None else []
        parts += [f"resample={self.resample}"] if self.resample is not None else []
        parts += [self.transform] if self.transform != "none" else []
        return f"{self.name}[{','.join(parts)}]"


_DEFAULTS = {f.name: f.default for f in fields(Series)}


@lru_cache(maxsize=64)
def _at_block(prepared: PreparedSeries, task: Series, block: int | None) -> Series:
    """The task at another origin, made once, so that what it fits there is fitted once.

    prepared: keeps apart tasks with equal parameters that read a file before and after it changed.
    """
    other = copy.copy(task)
    vars(other)["block"] = block
    for name in ("standardised", "forecasts", "target", "floor"):  # cached, but of the other origin
        vars(other).pop(name, None)
    return other
