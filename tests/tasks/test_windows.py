import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.windows import chronological_parts, make_windows, rows_needed, split_windows

SERIES = np.stack([np.arange(12.0), 100 + np.arange(12.0)], axis=1)


def test_windows_by_hand():
    split = make_windows(SERIES[:6], 3, targets=[1])
    np.testing.assert_array_equal(split.inputs[..., 0], [[0, 1, 2], [1, 2, 3], [2, 3, 4]])
    np.testing.assert_array_equal(split.targets, [[103], [104], [105]])
    assert split.inputs.dtype == split.targets.dtype == np.float32


def test_horizon_by_hand():
    split = make_windows(SERIES[:6], 3, horizon=2, targets=[0, 1])
    np.testing.assert_array_equal(split.inputs[..., 0], [[0, 1, 2], [1, 2, 3]])
    np.testing.assert_array_equal(split.targets, [[4, 104], [5, 105]])


def test_per_step_targets_by_hand():
    split = make_windows(SERIES[:5], 3, targets=[0], per_step=True)
    np.testing.assert_array_equal(split.inputs[..., 0], [[0, 1, 2], [1, 2, 3]])
    np.testing.assert_array_equal(split.targets[..., 0], [[1, 2, 3], [2, 3, 4]])


def test_windows_are_copies():
    series = SERIES.copy()
    split = make_windows(series, 3, targets=[0])
    split.inputs[0] = -1
    np.testing.assert_array_equal(series, SERIES)


@pytest.mark.parametrize(("window", "horizon"), [(0, 1), (3, 0), (12, 1), (6, 7)])
def test_impossible_windows_are_refused(window, horizon):
    with pytest.raises(ValueError, match="12 rows hold no window"):
        make_windows(SERIES, window, horizon=horizon, targets=[0])


@given(st.integers(0, 5000))
@settings(derandomize=True, max_examples=50)
def test_parts_cover_every_row_once_and_in_order(rows):
    parts = chronological_parts(rows)
    assert [i for part in parts for i in range(rows)[part]] == list(range(rows))


@given(st.integers(1, 90))
@settings(derandomize=True, max_examples=50)
def test_rows_needed_is_the_least_number_that_works(window):
    rows = rows_needed(window)
    for more in range(8):
        dataset = split_windows(np.zeros((rows + more, 1)), window, targets=[0])
        assert min(len(dataset.train), len(dataset.valid), len(dataset.test)) >= 1
    with pytest.raises(ValueError, match="hold no window"):
        split_windows(np.zeros((rows - 1, 1)), window, targets=[0])
