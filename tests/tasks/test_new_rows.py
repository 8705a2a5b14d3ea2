"""New rows reach a model as the rows did that it was trained on: the same windows, and the same way back."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from bench.training.checkpoint_file import typed
from tasks.contract import Columns
from tasks.errors import UserError
from tasks.new_rows import read_new_rows
from tasks.series import Series


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    count = 240
    return pd.DataFrame(
        {
            "t": pd.date_range("2024-01-01", periods=count, freq="D").strftime("%d.%m.%Y"),
            "load": np.exp(rng.standard_normal(count).cumsum() / 20),
            "price": rng.standard_normal(count),
            "temp": rng.standard_normal(count),
            "day": ["mon", "tue", "wed", "thu"] * (count // 4),
            "flat": 1.0,
        }
    )


def series(tmp_path, frame, **parameters):
    path = tmp_path / "train.csv"
    frame.to_csv(path, index=False, sep=";", decimal=",")
    return Series(str(path), ("load",), window=5, time="t", date_format="%d.%m.%Y", decimal=",", **parameters)


CASES = [
    {},
    {"transform": "growth"},
    {"transform": "difference", "horizon": 3},
    {"transform": "log", "horizons": "1-3"},
    {"transform": "growth", "horizons": "1,4", "features": ("price", "flat")},
    {"features": ("price",), "known": ("temp",), "horizon": 2},
    {"categorical": ("day",), "known": ("day", "temp"), "calendar": ("weekday", "month")},
    {"calendar": ("weekday",), "horizons": "1-2", "transform": "difference"},
]


@pytest.mark.parametrize("parameters", CASES)
def test_windows_and_units_are_those_of_the_training(tmp_path, frame, parameters):
    task = series(tmp_path, frame, **parameters).at(1)
    columns, split = task.columns, task.generate(0).test
    new = read_new_rows(str(tmp_path / "train.csv"), columns, "model")
    standard = (new.inputs - columns.input_mean) / columns.input_scale
    # the last test forecast is made `furthest` rows before the end
    made_at = 240 - 1 - task.furthest
    position = int(np.flatnonzero(new.made_at == made_at)[0])
    np.testing.assert_allclose(standard[position], split.inputs[-1], atol=1e-5)
    outputs = np.random.default_rng(1).standard_normal((len(split), task.output_size)).astype(np.float32)
    padded = np.zeros((len(new.inputs), task.output_size))
    padded[position - len(split) + 1 : position + 1] = outputs * np.array(columns.output_scale) + columns.output_mean
    np.testing.assert_allclose(
        new.in_units(padded)[position - len(split) + 1 : position + 1], task.in_units(outputs, split), rtol=1e-6
    )


@pytest.mark.parametrize("parameters", CASES)
def test_forecasts_beyond_the_end_have_their_times(tmp_path, frame, parameters):
    task = series(tmp_path, frame, **parameters)
    new = read_new_rows(str(tmp_path / "train.csv"), task.columns, "model")
    # what is known in advance must stand in the file; the calendar goes on by itself
    last = 239 - task.furthest if "temp" in parameters.get("known", ()) else 239
    assert new.made_at[-1] == last
    assert new.time_of(239) == "2024-08-27"
    assert new.time_of(241) == "2024-08-29"


def test_times_of_an_hourly_table_all_have_a_clock(tmp_path):
    times = pd.date_range("2024-01-01 03:00", periods=94, freq="h").strftime("%Y-%m-%d %H:%M")
    pd.DataFrame({"t": times, "load": np.arange(94.0) % 7}).to_csv(tmp_path / "hours.csv", index=False)
    task = Series(str(tmp_path / "hours.csv"), ("load",), window=5, time="t")
    new = read_new_rows(str(tmp_path / "hours.csv"), task.columns, "model")
    assert [new.time_of(row) for row in (21, 92, 93, 94)] == [
        "2024-01-02 00:00:00", "2024-01-04 23:00:00", "2024-01-05 00:00:00", "2024-01-05 01:00:00"
    ]  # fmt: skip


@pytest.mark.parametrize("parameters", CASES)
def test_a_checkpoint_carries_all_of_it(tmp_path, frame, parameters):
    columns = series(tmp_path, frame, **parameters).columns
    assert typed(Columns, json.loads(json.dumps(asdict(columns)))) == columns


def test_rows_without_a_target_serve_what_is_known_in_advance(tmp_path, frame):
    task = series(tmp_path, frame, known=("temp", "day"), categorical=("day",), horizon=2)
    longer = frame.copy()
    longer.loc[238:, "load"] = np.nan  # the last two rows are to be forecast
    longer.to_csv(tmp_path / "new.csv", index=False, sep=";", decimal=",")
    new = read_new_rows(str(tmp_path / "new.csv"), task.columns, "model")
    assert new.made_at[-1] == 237
    position = task.columns.inputs.index("temp")
    np.testing.assert_allclose(new.inputs[-1, :, position], frame["temp"][235:240])


def test_a_column_that_was_left_out_need_not_be_there(tmp_path, frame):
    task = series(tmp_path, frame, features=("flat", "price"))
    frame.drop(columns="flat").to_csv(tmp_path / "new.csv", index=False, sep=";", decimal=",")
    assert read_new_rows(str(tmp_path / "new.csv"), task.columns, "model").inputs.shape[2] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: f.drop(columns="price"),
            "has no column 'price': model was trained on the columns load, price, day, t",
        ),
        (lambda f: f.assign(day=f["day"].replace("wed", "sun")), "has 'sun' in line 4, which it never had in training"),
        (lambda f: f.head(3), "has 3 rows, but model looks back at 6: give at least as many"),
        (lambda f: f.assign(price=f["price"].where(f.index != 7)), "misses 1 of 240 values .lines 9.: fill them in$"),
        (lambda f: f.assign(load=-f["load"]), "--transform growth needs values above 0"),
    ],
)
def test_tables_that_do_not_fit(tmp_path, frame, change, message):
    task = series(tmp_path, frame, features=("price",), categorical=("day",), transform="growth")
    change(frame).to_csv(tmp_path / "new.csv", index=False, sep=";", decimal=",")
    with pytest.raises(UserError, match=message):
        read_new_rows(str(tmp_path / "new.csv"), task.columns, "model")


def test_known_columns_that_end_with_the_targets_everywhere(tmp_path, frame):
    task = series(tmp_path, frame, known=("temp",), horizon=3)
    frame.head(7).to_csv(tmp_path / "new.csv", index=False, sep=";", decimal=",")
    with pytest.raises(UserError, match="'temp' must be known of the row to be forecast, 3 rows ahead: add rows"):
        read_new_rows(str(tmp_path / "new.csv"), task.columns, "model")
