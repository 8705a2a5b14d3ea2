"""Forecast origins: in order of time, no row is predicted twice, and the search sees no test row."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.origins import (
    FEWEST_FORECASTS,
    MOST_BLOCKS,
    Origins,
    find_origins,
    largest_horizon,
    largest_window,
    require_origins,
    rows_for_two_origins,
)


def origins_of(rows: int, window: int, horizon: int) -> Origins:
    found = find_origins(rows, window, horizon)
    assert found is not None
    return found


@st.composite
def all_origins(draw: st.DrawFn) -> Origins:
    window, horizon = draw(st.integers(1, 60)), draw(st.integers(1, 12))
    return origins_of(rows_for_two_origins(window, horizon) + draw(st.integers(0, 3000)), window, horizon)


def test_by_hand() -> None:
    found = origins_of(100, 24, 1)
    assert (found.blocks, found.block_rows, found.valid_rows) == (5, 6, 15)
    assert found.parts(4) == (slice(0, 79), slice(79, 94), slice(94, 100))
    assert found.parts(0) == (slice(0, 55), slice(55, 70), slice(70, 76))
    assert found.parts(None) == (slice(0, 49), slice(49, 64), slice(64, 70))
    assert [found.block_of(replicate) for replicate in range(8)] == [None, 4, 3, 2, 1, 0, 4, 3]


def test_windows_by_hand() -> None:
    rows = np.arange(100.0)[:, None]
    data = origins_of(100, 24, 3).split(rows, rows, 0)
    first = origins_of(100, 24, 3).parts(0)[2].start
    # the first forecast of a block is made at the row before it, from the 24 rows that end there
    np.testing.assert_array_equal(data.test.inputs[0, :, 0], np.arange(first - 24, first))
    assert data.test.targets[0, 0] == first + 2
    assert data.train.inputs[0, 0, 0] == 0


@given(all_origins())
@settings(derandomize=True, max_examples=100, deadline=None)
def test_no_window_reaches_into_a_later_part_and_no_row_is_predicted_twice(found: Origins) -> None:
    series = np.arange(found.rows, dtype=float)[:, None]
    tested: list[float] = []
    for block in (None, *range(found.blocks)):
        data, (_, valid, test) = found.split(series, series, block), found.parts(block)
        highest = [max(split.inputs.max(), split.targets.max()) for split in (data.train, data.valid, data.test)]
        assert highest[0] < valid.start
        assert highest[1] < test.start
        assert highest[2] < test.stop
        for split, targets in zip((data.train, data.valid, data.test), found.target_rows(block), strict=True):
            np.testing.assert_array_equal(split.targets[:, 0], list(targets))
            assert (split.inputs[:, -1, 0] + found.horizon == split.targets[:, 0]).all()
            assert len(split) >= FEWEST_FORECASTS
        # at the first forecast of a part its whole past is known: nothing that was used for training lies after it
        assert data.test.inputs[0, -1, 0] == test.start - 1
        tested += data.test.targets[:, 0].tolist() if block is not None else []
    assert tested == sorted(set(tested))
    assert found.parts(found.blocks - 1)[2].stop == found.rows


@given(all_origins())
@settings(derandomize=True, max_examples=100, deadline=None)
def test_the_search_sees_no_row_on_which_a_replicate_is_tested(found: Origins) -> None:
    rows = np.arange(found.rows, dtype=float)[:, None]
    data = found.split(rows, rows, None)
    seen = max(part.max() for split in (data.train, data.valid, data.test) for part in (split.inputs, split.targets))
    assert seen < found.parts(0)[2].start


@given(all_origins())
@settings(derandomize=True, max_examples=100, deadline=None)
def test_blocks_are_few_and_most_rows_train(found: Origins) -> None:
    assert 2 <= found.blocks <= MOST_BLOCKS
    assert (found.blocks + 1) * found.block_rows <= 0.4 * found.rows
    if found.window + found.horizon < found.rows // 100:
        assert found.blocks == MOST_BLOCKS
        assert found.parts(None)[0].stop >= 0.45 * found.rows


@given(st.integers(1, 300), st.integers(1, 40))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_the_fewest_rows_are_the_fewest(window: int, horizon: int) -> None:
    rows = rows_for_two_origins(window, horizon)
    assert find_origins(rows, window, horizon) is not None
    assert all(find_origins(fewer, window, horizon) is None for fewer in range(rows))


@given(st.integers(1, 600), st.integers(1, 40))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_the_largest_window_is_the_largest(rows: int, horizon: int) -> None:
    largest = largest_window(rows, horizon)
    fits = [window for window in range(1, rows + 1) if find_origins(rows, window, horizon)]
    assert largest == max(fits, default=0)


@given(st.integers(1, 600), st.integers(1, 60))
@settings(derandomize=True, max_examples=50, deadline=None)
def test_the_largest_horizon_is_the_largest(rows: int, window: int) -> None:
    fits = [horizon for horizon in range(1, rows + 1) if find_origins(rows, window, horizon)]
    assert largest_horizon(rows, window) == max(fits, default=0)


@given(st.integers(1, 400), st.integers(1, 100), st.integers(1, 60), st.booleans())
@settings(derandomize=True, max_examples=200, deadline=None)
def test_each_way_that_a_message_names_makes_a_series_long_enough(
    rows: int, window: int, horizon: int, several: bool
) -> None:
    if find_origins(rows, window, horizon):
        return
    with pytest.raises(UserError) as caught:
        require_origins("x.csv", rows, window, horizon, several=several)
    said = str(caught.value).partition(": give ")[2]
    ways = re.split(r", or | \(", said.rstrip(")"))
    assert ways[-1].startswith("at least") or "with" in ways[-1]
    for way in ways:
        asked = {"rows": rows, "window": window, "horizon": horizon}
        if found := re.match(r"(?:at least )?([\d,]+) (?:rows|with)", way):
            asked["rows"] = int(found[1].replace(",", ""))
        asked |= {"window": int(found[1])} if (found := re.search(r"--window (\d+)", way)) else {}
        asked |= {"horizon": int(found[1])} if (found := re.search(r"--horizons? (?:up to )?(\d+)", way)) else {}
        assert find_origins(**asked), way


def test_what_resampling_has_left_is_told() -> None:
    with pytest.raises(UserError, match=r"has 2 rows after --resample D \(700 before\).*give a shorter period to"):
        require_origins("x.csv", 2, 24, 1, resampled=("D", 700))


@pytest.mark.parametrize(("rows", "blocks"), [(45, 2), (100, 5), (180, 10), (10_000, 10)])
def test_how_many_blocks_rows_give(rows: int, blocks: int) -> None:
    assert origins_of(rows, 8, 1).blocks == blocks
