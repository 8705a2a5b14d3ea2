"""What a user can set of the `series` task, and what follows from these settings alone, before a file is read."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal

from tasks.contract import Task
from tasks.errors import UserError, short
from tasks.forecast_targets import parse_horizons
from tasks.reading import Reading, Selection
from tasks.transform import TRANSFORMS

_LISTS = ("targets", "features", "categorical", "known", "calendar")


@dataclass(frozen=True)
class SeriesSettings(Task):
    """The parameters of `tasks.series.Series`.

    data: path of the file: CSV in UTF-8 with column names in the first line, or Parquet. (The bare name of a file in
        `tasks/data` works too.)
    targets: columns to predict. They are inputs as well, with `features` beside them.
    categorical, known, calendar: other inputs (see `tasks.reading.Selection`).
    time: a column that must increase (numbers or dates). It orders the rows and is itself no input.
    horizons: all of these rows ahead at once, as "1-10" or "1,6,12", in place of `horizon`.
    season: rows in a season, for the seasonal naive reference. fill: "forward" repeats the last value in gaps;
        "none" refuses gaps.
    transform: what the targets are taken as: "growth" (in percent: 100 times the difference of logarithms),
        "difference" (both from the row at which the forecast is made, in one row less) or "log".
    delimiter, decimal, date_format, time_zone, sort, drop_duplicates, resample: see `tasks.reading.Reading`.
    """

    data: str
    targets: tuple[str, ...]
    features: tuple[str, ...] = ()
    time: str | None = None
    window: int = 24
    horizon: int = 1
    season: int | None = None
    fill: Literal["none", "forward"] = "none"
    transform: Literal["none", "growth", "difference", "log"] = "none"
    horizons: str | None = None
    categorical: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ()
    delimiter: str | None = None
    decimal: str = "."
    date_format: str | None = None
    time_zone: str | None = None
    sort: bool = False
    drop_duplicates: bool = False
    resample: str | None = None

    def __post_init__(self) -> None:
        for key in _LISTS:
            value = getattr(self, key)
            object.__setattr__(self, key, (value,) if isinstance(value, str) else tuple(value))
        for key in ("window", "horizon", "season"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise UserError(f"series: {key} is {value}: expected 1 or more")
        for key, choices in {"fill": ("none", "forward"), "transform": TRANSFORMS}.items():
            if getattr(self, key) not in choices:
                raise UserError(f"series: {key} is '{getattr(self, key)}': expected {' or '.join(choices)}")
        if self.resample is not None and (match := re.fullmatch(r"(\d*)ms?", self.resample)):  # pandas had it as months
            raise UserError(
                f"--resample is {short(self.resample)}: give {match[1]}min for minutes, or {match[1]}M for months"
            )
        if self.horizons is not None and self.horizon != 1:
            raise UserError("--horizon and --horizons are two ways to say how far to look ahead: give one of them")
        self.selection.check(self.time)

    @cached_property
    def reading(self) -> Reading:
        """How the file is read."""
        return Reading(**{f.name: getattr(self, f.name) for f in fields(Reading)})

    @cached_property
    def selection(self) -> Selection:
        """Which of its columns are used."""
        return Selection(**{f.name: getattr(self, f.name) for f in fields(Selection)})

    @cached_property
    def rows_ahead(self) -> tuple[int, ...]:
        """The horizons: how many rows after the last that it sees each output of a forecast lies."""
        return (self.horizon,) if self.horizons is None else parse_horizons(self.horizons)

    @property
    def furthest(self) -> int:
        return self.rows_ahead[-1]

    @property
    def output_names(self) -> tuple[str, ...]:
        """The targets; with several horizons `load_h1`, `load_h2`, …: first all of one target."""
        if self.horizons is None:
            return self.targets
        return tuple(f"{column}_h{rows}" for column in self.targets for rows in self.rows_ahead)

    @property
    def output_size(self) -> int:
        return len(self.targets) * len(self.rows_ahead)
