"""A season that a user has not named: rows after which a series repeats itself better than any naive forecast says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.contract import Array
from tasks.errors import short

LONGEST = 10_000  # rows
SEASONS = 3  # that the rows must hold: two may be alike by chance
CLEARLY = 0.8  # times the squared error of the best of the other naive forecasts
SOME = 24  # horizons over which errors are averaged, at most
AS_GOOD = 1.5  # times the least squared error: of a season and its multiples, which are as good, the season is named


def season_note(targets: Sequence[str], values: Array, horizons: Sequence[int]) -> list[str]:
    """What to say of the first target that has a season; no sentence where none has. values: `(rows, inputs)`, the
    targets first."""
    for name, column in zip(targets, values.T, strict=False):
        if found := unnamed_season(column, horizons):
            season, share = found
            less = f"its squared error is {100 * (1 - share):.0f} % less than that of the last value and of the mean"
            how = f"--season {season} compares with repeating the value of a season before"
            return [f"column {short(name)} seems to have a season of {season} rows: {how} ({less})"]
    return []


def unnamed_season(values: Array, horizons: Sequence[int]) -> tuple[int, float] | None:
    """Rows of a season, and the squared error of repeating the value of the last known season, as a share of that of
    the better of the last value and the mean; None where no season is clearly better than these.

    values: `(rows,)`, of the rows of training. horizons: rows that are forecast ahead, over which errors are averaged.
    """
    longest = min(len(values) // SEASONS, LONGEST)
    some = np.linspace(0, len(horizons) - 1, min(len(horizons), SOME)).round().astype(int)
    ahead = np.array(horizons)[some]
    if longest < max(2, int(ahead[-1])) or not np.ptp(values) > 0:
        return None
    errors = squared_changes((values - values.mean()) / values.std(), longest)
    others = min(float(errors[ahead - 1].mean()), 1.0)  # 1: the variance
    seasons = np.arange(2, longest + 1)
    lags = seasons[:, None] * -(-ahead // seasons[:, None])  # the last season that is known when a forecast is made
    found = np.where(lags <= longest, errors[np.minimum(lags, longest) - 1], np.inf).mean(axis=1)
    first = int(np.flatnonzero(found <= AS_GOOD * found.min())[0])
    near = found[first : first + 1 + (2 + first) // 2]  # it may lie on the slope of the season's own valley
    best = first + int(near.argmin())
    share = float(found[best] / others) if others > 0 else 1.0
    return (int(seasons[best]), share) if share < CLEARLY else None


def squared_changes(values: Array, longest: int) -> Array:
    """`(longest,)`: the mean squared change over 1, 2, … rows, of `values` `(rows,)`.

    By the autocorrelation theorem: the products of all lags at once, as the inverse transform of the power spectrum
    (Box, Jenkins, Reinsel & Ljung 2015, Time Series Analysis, section 2.1).
    """
    count = len(values)
    power = np.abs(np.fft.rfft(values, 2 * count)) ** 2
    lags = np.arange(1, longest + 1)
    products = np.fft.irfft(power, 2 * count)[lags]
    squares = np.concatenate([[0.0], np.cumsum(values**2)])
    sums = squares[-1] - squares[lags] + squares[count - lags] - 2 * products
    return np.asarray(np.maximum(sums, 0.0) / (count - lags))
