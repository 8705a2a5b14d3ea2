"""Forecasting columns of a user's own table: the parameters of the `series` task, under the flags' names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from bench.config.option import BILLION, option

_option = partial(option, group="Your own table", decides="table")
_columns = partial(_option, None, "COL,COL", columns=True)


@dataclass(frozen=True)
class OwnTable:
    """The options under "Your own table"."""

    data: str | None = _option(None, "FILE", "Forecast columns of this CSV or Parquet file: a task called series.")
    target: tuple[str, ...] | None = _columns(
        "The columns to forecast; a name with a comma stands in double quotes. Required with --data."
    )
    features: tuple[str, ...] | None = _columns(
        "The columns that a forecast may look at, beside the past of the targets themselves."
    )
    categorical: tuple[str, ...] | None = _columns("Such columns of words: each word becomes an input of its own.")
    known: tuple[str, ...] | None = _columns(
        "Such columns that are known in advance, as a holiday is: they are read at the row to be forecast."
    )
    calendar: tuple[str, ...] | None = _option(
        None, "PART,PART", "Inputs made of the time to be forecast: hour, weekday, month."
    )
    time: str | None = _option(None, "COL", "The column that orders the rows. Its values must increase.")
    window: int | None = _option(None, "N", "How many rows a forecast looks back.", at_least=1, at_most=BILLION)
    horizon: int | None = _option(
        None, "N", "Forecast the Nth row after the last known one, and only this.", at_least=1, at_most=BILLION
    )
    horizons: str | None = _option(None, "1-N", "Forecast all of these rows at once: 1-10, or 1,6,12.")
    season: int | None = _option(
        None, "N", "Rows in a season: adds the seasonal naive forecast to compare with.", at_least=1, at_most=BILLION
    )
    fill: Literal["forward"] | None = _option(
        None,
        "HOW",
        "Fill missing and infinite values, and rows that the time lacks. forward: repeat the last known one. Default: "
        "refuse missing values.",
    )
    transform: Literal["growth", "difference", "log"] | None = _option(
        None,
        "HOW",
        "Forecast growth (in percent, from the last known row), difference (from there) or log of the targets. Errors "
        "and predictions stay in the columns' own units. Default: the targets as they are.",
    )
    resample: str | None = _option(
        None, "PERIOD", "Take the means of periods as rows: min, h, D, W, M, Q, Y, or several of them, as in 15min."
    )
    sort: bool = _option(False, "", "Sort the rows by time.")
    drop_duplicates: bool = _option(False, "", "Keep the first of several rows with the same time.")
    date_format: str | None = _option(
        None, "FORMAT", "How dates are written: %d.%m.%Y (German), %m/%d/%Y (US). Default: ISO, as in 2024-03-31."
    )
    time_zone: str | None = _option(
        None, "ZONE", "The zone of dates without one, as in Europe/Berlin: clocks that are changed leave no gap then."
    )
    delimiter: str | None = _option(
        None, "CHAR", "What separates the fields of a line. Default: comma, semicolon or tab, whichever fits."
    )
    decimal: str | None = _option(None, "CHAR", "The mark before decimals: a comma, or a point (default).")
