"""A season that was not named: exact errors, hardly a false one, and what a user is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.season import CLEARLY, squared_changes, unnamed_season
from tasks.series import Series

Draw = Callable[[np.random.Generator, int], np.ndarray]


def autoregression(rng: np.random.Generator, rows: int) -> np.ndarray:
    values = rng.standard_normal(rows)
    for i in range(1, rows):
        values[i] += 0.9 * values[i - 1]
    return values


WITHOUT: dict[str, Draw] = {
    "noise": lambda rng, rows: rng.standard_normal(rows),
    "random walk": lambda rng, rows: rng.standard_normal(rows).cumsum(),
    "autoregression": autoregression,
    "differences of noise": lambda rng, rows: np.diff(rng.standard_normal(rows + 1)),
    "trend": lambda rng, rows: np.arange(rows) + rng.standard_normal(rows),
}


@given(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=60))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_squared_changes_are_those_of_a_plain_computation(values: list[float]) -> None:
    column = np.array(values)
    longest = len(values) // 2
    plain = [np.mean((column[lag:] - column[:-lag]) ** 2) for lag in range(1, longest + 1)]
    np.testing.assert_allclose(squared_changes(column, longest), plain, atol=1e-8 * (1 + np.square(column).sum()))


@pytest.mark.parametrize("draw", WITHOUT.values(), ids=WITHOUT)
@pytest.mark.parametrize("horizons", [(1,), (5,), (1, 2, 3, 4, 5, 6)])
@pytest.mark.parametrize("rows", [45, 300])
def test_series_without_a_season_have_none(draw: Draw, rows: int, horizons: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    found = sum(unnamed_season(draw(rng, rows), horizons) is not None for _ in range(200))
    assert found <= 4  # 2 %


@pytest.mark.parametrize("season", [7, 24])
@pytest.mark.parametrize("horizons", [(1,), (6,), tuple(range(1, 13)), tuple(range(1, 101))])
@pytest.mark.parametrize("trend", [0.0, 0.05])
def test_a_season_is_found(season: int, horizons: tuple[int, ...], trend: float) -> None:
    rows, rng = np.arange(500), np.random.default_rng(1)
    course = rng.standard_normal(season)
    values = 5 * course[rows % season] + trend * rows + rng.standard_normal(500)
    found = unnamed_season(values, horizons)
    assert found is not None
    assert found[0] == season
    assert 0 < found[1] < 0.5


def test_errors_are_averaged_over_the_horizons_that_are_forecast() -> None:
    """Of 1, 2 and 24 rows ahead two are one step: half way between the first and the last nothing is forecast."""
    rows, rng = np.arange(400), np.random.default_rng(5)
    values = np.sin(2 * np.pi * rows / 24) + 0.1 * rng.standard_normal(400)
    changes = squared_changes((values - values.mean()) / values.std(), 133)
    found = unnamed_season(values, (1, 2, 24))
    others = min(changes[[0, 1, 23]].mean(), 1.0)
    expected = changes[[23, 23, 23]].mean() / others
    assert (found is None) == (expected >= CLEARLY)
    found = unnamed_season(values, (6, 24))
    assert found == (24, pytest.approx(changes[23] / min(changes[[5, 23]].mean(), 1.0)))


def test_a_constant_and_a_short_column_have_none() -> None:
    assert unnamed_season(np.full(100, 3.0), (1,)) is None
    assert unnamed_season(np.arange(5.0) % 2, (1,)) is None


def test_a_user_is_told_unless_the_season_is_named(tmp_path: Path) -> None:
    rows, rng = np.arange(300), np.random.default_rng(2)
    values = 10 * np.sin(2 * np.pi * rows / 12) + rng.standard_normal(300)
    (tmp_path / "s.csv").write_text("flat,y\n" + "\n".join(f"{rng.normal()},{value}" for value in values))
    path = str(tmp_path / "s.csv")
    (note,) = Series(path, ("flat", "y"), window=4).notes
    assert note.startswith("column 'y' seems to have a season of 12 rows: --season 12 compares with repeating")
    assert Series(path, ("flat", "y"), window=4).at(3).notes == (note,)  # of the rows that all replicates train on
    assert Series(path, ("flat", "y"), window=4, season=12).notes == ()
    assert Series(path, ("flat",), window=4).notes == ()
