"""What is filled in is never scored: against plain computations on the values that the file has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.training.data import data_hash
from bench.training.validation_rows import pack, unpack
from tasks.contract import Dataset
from tasks.errors import UserError
from tasks.losses import split_loss
from tasks.measured import FEWEST, measured_outputs, origins_with_measured
from tasks.origins import Origins, find_origins
from tasks.series import Series
from tasks.series_predictors import series_predictor
from tasks.validation import validate_dataset

ROWS = 200
GAPS = [20, 21, 110, 130, 131, 132, *range(160, 193, 2), 195, 198]  # nearly every other of the newest rows


def walk(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(ROWS).cumsum() * 50 + 1000


def gappy(tmp_path: Path, gaps: list[int] = GAPS, **columns: np.ndarray) -> str:
    """A CSV file whose column `a` lacks the values of these rows."""
    a = walk()
    a[gaps] = np.nan
    path = tmp_path / "gappy.csv"
    pd.DataFrame({"a": a, **columns}).to_csv(path, index=False)
    return str(path)


def rows_of(task: Series) -> np.ndarray:
    return np.array(task.origins.target_rows(task.block)[2]) + (task.transform in ("growth", "difference"))


@pytest.mark.parametrize("replicate", [0, 1, 2, 3])
def test_a_naive_forecast_is_scored_on_the_values_of_the_file_alone(tmp_path: Path, replicate: int) -> None:
    task = Series(gappy(tmp_path), ("a",), window=4, fill="forward").at(replicate)
    dataset = task.generate(0)
    floor = next(r for r in task.references(dataset) if r.name == "persistence")
    known = pd.Series(walk())
    known[GAPS] = np.nan
    seen, rows = known.ffill().to_numpy(), rows_of(task)
    measured = rows[~np.isin(rows, GAPS)]
    errors = seen[measured - 1] - known.to_numpy()[measured]
    assert floor.metrics["mae_a"] == pytest.approx(np.abs(errors).mean(), rel=1e-4)
    assert floor.metrics["rmse_a"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-4)
    assert floor.loss == pytest.approx(((errors / task.standardised.scale) ** 2).mean(), rel=1e-4)
    assert validate_dataset(task, dataset)


def test_what_a_filled_target_holds_changes_no_score(tmp_path: Path) -> None:
    task = Series(gappy(tmp_path), ("a",), window=4, fill="forward").at(1)
    test = task.generate(0).test
    assert test.measured is not None
    outputs = np.random.default_rng(1).standard_normal(test.targets.shape)
    before = split_loss("mse", outputs, test), task.score(outputs, test)
    test.targets[~test.measured] += 7
    assert (split_loss("mse", outputs, test), task.score(outputs, test)) == before
    test.targets[test.measured] += 7
    assert split_loss("mse", outputs, test) > before[0]


@pytest.mark.parametrize("transform", ["none", "growth", "difference", "log"])
def test_each_horizon_of_each_column_counts_its_own(tmp_path: Path, transform: Any) -> None:
    path = gappy(tmp_path, b=walk(1))
    task = Series(path, ("a", "b"), window=4, horizons="1,3", fill="forward", transform=transform).at(1)
    test, rows = task.generate(0).test, rows_of(task)
    assert test.measured is not None
    expected = [~np.isin(rows - 2, GAPS), ~np.isin(rows, GAPS), rows > 0, rows > 0]
    np.testing.assert_array_equal(test.measured, np.stack(expected, axis=1))
    zero = np.zeros(test.targets.shape)
    wrong = np.abs(task.in_units(zero, test) - task.in_units(test.targets, test))
    scores = task.score(zero, test)
    each = [wrong[counted, output].mean() for output, counted in enumerate(expected)]
    np.testing.assert_allclose([scores[f"mae_{name}"] for name in ("a_h1", "a_h3", "b_h1", "b_h3")], each, rtol=1e-6)
    over_both = np.concatenate([wrong[expected[0], 0], wrong[expected[1], 1]]).mean()
    assert scores["mae_a"] == pytest.approx(over_both, rel=1e-6)


def test_rows_that_time_lacks_are_not_scored(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=ROWS).astype(str)
    kept = np.setdiff1d(np.arange(ROWS), GAPS)
    path = tmp_path / "days.csv"
    pd.DataFrame({"t": days[kept], "a": walk()[kept]}).to_csv(path, index=False)
    task = Series(str(path), ("a",), time="t", window=4, fill="forward").at(1)
    measured = task.generate(0).test.measured
    assert measured is not None
    np.testing.assert_array_equal(measured[:, 0], ~np.isin(rows_of(task), GAPS))


def test_gaps_that_no_score_sees_change_nothing(tmp_path: Path) -> None:
    """Gaps of inputs, and of rows with which every replicate trains: records of before stay valid."""
    early = Series(gappy(tmp_path, [20, 21]), ("a",), window=4, fill="forward")
    assert early.measured is None
    assert "scored" not in early.identity()
    assert len(early.notes) == 1
    holed = walk(1)
    holed[180:] = np.nan
    other = Series(gappy(tmp_path, [], b=holed), ("a",), ("b",), window=4, fill="forward")
    assert other.at(1).generate(0).test.measured is None


def test_another_task_than_one_that_scored_filled_values(tmp_path: Path) -> None:
    task = Series(gappy(tmp_path), ("a",), window=4, fill="forward")
    assert task.identity()["scored"] == "measured"
    assert task.notes[-1] == "a value that is filled in is seen and learnt from, but no forecast of it is scored"
    assert data_hash(task, 0, 1) == data_hash(task, 0, 1)


def test_blocks_are_longer_where_short_ones_lack_values(tmp_path: Path) -> None:
    """The 11 blocks of 7 rows become fewer, so that each has three measured values or more."""
    sparse = [row for row in range(100, ROWS) if row % 3]
    whole = Series(gappy(tmp_path, [], b=walk(1)), ("a",), window=4, fill="forward")
    task = Series(gappy(tmp_path, sparse, b=walk(1)), ("a",), window=4, fill="forward")
    assert (whole.origins.blocks, whole.origins.block_rows) == (10, 7)
    assert (task.origins.blocks, task.origins.block_rows) == (7, 10)
    for replicate in range(8):
        for split in (task.at(replicate).generate(0).valid, task.at(replicate).generate(0).test):
            assert split.measured is not None
            assert split.measured.sum() >= FEWEST


@pytest.mark.parametrize(
    ("outage", "places", "starts", "newest"),
    [  # 11 places of 7 rows, or 10 of 8 where as many of these are left
        (range(158, 173), 10, (120, 128, 136, 144, 152, 168, 176, 184, 192), 200),  # in the middle
        (range(184, 200), 11, (123, 130, 137, 144, 151, 158, 165, 172, 179), 186),  # at the end
        (range(120, 135), 11, (137, 144, 151, 158, 165, 172, 179, 186, 193), 200),  # where the search would have looked
    ],
)
def test_blocks_in_a_long_outage_are_left_out(
    tmp_path: Path, outage: range, places: int, starts: tuple[int, ...], newest: int
) -> None:
    task = Series(gappy(tmp_path, list(outage), b=walk(1)), ("a",), window=4, fill="forward")
    assert task.origins.starts == starts
    assert task.origins.skipped == task.identity()["skipped_blocks"] == places - len(starts)
    assert f"are left out, {places - len(starts)} of {places}; " in task.notes[-1]
    assert task.notes[-1].endswith(f"the newest one that is left ends at row {newest}")
    for replicate in range(9):
        data = task.at(replicate).generate(0)
        assert all(split.measured is None or split.measured.sum() >= FEWEST for split in (data.valid, data.test))
    seen = task.origins.parts(None)[2].stop  # the search's rows end before the first block of a replicate
    assert seen <= task.origins.parts(0)[2].start


@given(st.integers(60, 400), st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(derandomize=True, max_examples=60, deadline=None)
def test_most_blocks_are_left_and_each_has_enough(rows: int, window: int, horizon: int, seed: int) -> None:
    """Of all numbers of blocks, counted once more by hand: outages and scattered gaps, anywhere."""
    rng = np.random.default_rng(seed)
    measured = rng.random((rows, 1)) < rng.choice([0.4, 0.9, 1.0])
    for begin in rng.integers(0, rows, rng.integers(0, 4)):
        measured[begin : begin + rng.integers(0, rows // 4)] = False
    whole = find_origins(rows, window, horizon)
    if whole is None:
        return
    outputs = measured_outputs(measured, (horizon,))

    def has_enough(origins: Origins, block: int | None) -> bool:
        return all(outputs[list(part)].sum() >= FEWEST for part in origins.target_rows(block)[1:])

    most = 0
    for count in range(2, whole.blocks + 1):
        origins = find_origins(rows, window, horizon, count)
        assert origins is not None
        most = max(most, sum(has_enough(origins, block) for block in (None, *range(origins.blocks))))
    if most < 3:
        with pytest.raises(UserError, match="in the file, the others are filled in"):
            origins_with_measured("x.csv", whole, outputs, ["y"], str)
        return
    found = origins_with_measured("x.csv", whole, outputs, ["y"], str)
    assert len(found.starts) == most
    assert all(has_enough(found, block) for block in (None, *range(found.blocks)))


@pytest.mark.parametrize(
    ("gaps", "message"),
    [
        (range(124, 200), "of the 26 values of 'a' on which a replicate tests .123 to 148. 2 are in the file"),
        (range(123, 199), "of the 26 values of 'a' on which a replicate tests .123 to 148. 1 is in the file"),
        (
            range(80, 190),
            "on which a replicate validates .[0-9]+ to [0-9]+. 0 are in the file, the others are filled in",
        ),
    ],
)
def test_too_few_measured_values_are_refused(tmp_path: Path, gaps: range, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Series(gappy(tmp_path, list(gaps), b=walk(1)), ("a",), window=4, fill="forward")


def test_a_stretch_that_is_refused_has_its_times(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=ROWS).astype(str)
    kept = np.setdiff1d(np.arange(ROWS), range(123, 199))
    pd.DataFrame({"t": days[kept], "a": walk()[kept]}).to_csv(tmp_path / "days.csv", index=False)
    with pytest.raises(UserError, match=r"tests .2024-05-0[0-9] to 2024-05-27. 1 is in the file.*begin the file after"):
        Series(str(tmp_path / "days.csv"), ("a",), time="t", window=4, fill="forward", transform="difference")


def test_intervals_of_forecasts_rest_on_measured_values(tmp_path: Path) -> None:
    dataset: Dataset = (task := Series(gappy(tmp_path), ("a",), window=4, fill="forward").at(1)).generate(0)
    packed = pack(dataset.valid)
    rows = unpack(packed, 4, 1, 1)
    assert rows is not None
    assert dataset.valid.measured is not None
    np.testing.assert_array_equal(np.isnan(rows.targets), ~dataset.valid.measured)
    fitted = series_predictor(task, "persistence", dataset)
    assert fitted is not None
    recorded = next(r for r in task.references(dataset) if r.name == "persistence")
    assert split_loss("mse", fitted.predict(fitted.valid.inputs), fitted.valid) == pytest.approx(recorded.valid_loss)
