"""Forecasts of tables whose models look at more than the targets' own past."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bench
from bench.training.forecast import forecast
from bench.training.kept import best_models
from tasks.errors import UserError

FIXED: dict[str, Any] = {
    "hidden_sizes": "4",
    "layers": "1",
    "lr_range": "0.01,0.01",
    "trials": 1,
    "replicates": 1,
    "steps": 5,
    "models": "numpy_gru",
    "budget": "smoke",
    "executor": "inline",
    "target": "load",
    "time": "time",
    "window": 6,
}


def frame(rows: int) -> pd.DataFrame:
    time = pd.date_range("2024-01-01", periods=rows, freq="h")
    rng = np.random.default_rng(0)
    return pd.DataFrame({"time": time, "load": rng.normal(50, 5, rows), "temp": rng.normal(10, 2, rows)})


def trained(folder: Path, **options: Any) -> list[Any]:
    frame(100).to_csv(folder / "load.csv", index=False)
    where = {"data": str(folder / "load.csv"), "results": str(folder / "results"), "name": "e"}
    bench.run(bench.resolve({**FIXED, **where, **options}))
    return best_models(bench.load("e", folder / "results"))


def test_what_is_known_in_advance_is_read_at_the_rows_to_be_forecast(tmp_path: Path) -> None:
    models = trained(tmp_path, known="temp", horizons="1-3")
    future = frame(103)
    future.loc[100:, "load"] = np.nan
    future.to_csv(tmp_path / "future.csv", index=False)
    found = forecast(models, str(tmp_path / "future.csv"))
    assert found.times == ("2024-01-05 04:00:00", "2024-01-05 05:00:00", "2024-01-05 06:00:00")
    assert np.isfinite(found.values).all()
    assert (found.low < found.values).all()
    with pytest.raises(UserError, match=r"add the next 3 rows, with '?temp'? and without a target"):
        forecast(models, str(tmp_path / "load.csv"))


def test_a_model_that_looks_at_other_columns_is_not_rolled_forward(tmp_path: Path) -> None:
    models = trained(tmp_path, features="temp")
    table = str(tmp_path / "load.csv")
    assert forecast(models, table).times == ("2024-01-05 04:00:00",)
    with pytest.raises(UserError, match=re.escape("no forecast of temp: train with --horizons 1-2")):
        forecast(models, table, 2)


def test_columns_without_a_forecast_are_named_as_they_were_given(tmp_path: Path) -> None:
    models = trained(tmp_path, features="temp", calendar="hour,weekday")
    with pytest.raises(
        UserError,
        match=re.escape("it has no forecast of temp: train with --horizons 1-2, or with --known temp if future values"),
    ):
        forecast(models, str(tmp_path / "load.csv"), 2)


def test_a_model_of_known_columns_is_rolled_over_the_rows_that_the_file_has(tmp_path: Path) -> None:
    (model,) = trained(tmp_path, known="temp")
    table = frame(112)
    table.loc[100:, "load"] = np.nan
    table.to_csv(tmp_path / "future.csv", index=False)
    found = forecast([model], str(tmp_path / "future.csv"), 12)
    assert len(found.times) == 12
    assert found.times[-1] == "2024-01-05 15:00:00"
    load = list(frame(100)["load"])
    for step in range(12):  # one row ahead of a window of 6 rows, each with the temperature of the row after it
        rows = np.arange(100 + step - 6, 100 + step)
        inputs = np.stack([np.array(load)[rows], table["temp"].to_numpy()[rows + 1]], axis=1)
        load.append(float(model(inputs[None])[0, 0]))
    np.testing.assert_allclose(found.values[:, 0], load[100:], rtol=1e-5)
    assert (found.low < found.values)[:3].all()
    with pytest.raises(UserError, match=r"ends with 12 rows without a target, but --steps 13 looks at temp"):
        forecast([model], str(tmp_path / "future.csv"), 13)


def test_several_horizons_are_rolled_over_known_rows_and_the_calendar(tmp_path: Path) -> None:
    (model,) = trained(tmp_path, known="temp", calendar="hour", horizons="1-3")
    table = frame(110)
    table.loc[100:, "load"] = np.nan
    table.to_csv(tmp_path / "future.csv", index=False)
    found = forecast([model], str(tmp_path / "future.csv"), 10)
    np.testing.assert_array_equal(found.values[:3], forecast([model], str(tmp_path / "future.csv"), 3).values)
    changed = table.assign(temp=table["temp"].where(table.index < 109, 99.0))
    changed.to_csv(tmp_path / "changed.csv", index=False)
    other = forecast([model], str(tmp_path / "changed.csv"), 10)
    np.testing.assert_array_equal(found.values[:9], other.values[:9])
    assert found.values[9] != other.values[9]  # the last row's own temperature counts


def test_a_model_of_the_calendar_is_rolled_forward(tmp_path: Path) -> None:
    (model,) = trained(tmp_path, calendar="hour")
    found = forecast([model], str(tmp_path / "load.csv"), 30)
    assert found.times[-1] == "2024-01-06 09:00:00"
    times = pd.date_range("2024-01-01", periods=131, freq="h")
    angle = 2 * np.pi * times.hour.to_numpy() / 24
    load = list(frame(100)["load"])
    for step in range(30):
        rows = np.arange(100 + step - 6, 100 + step)
        inputs = np.stack([np.array(load)[rows], np.sin(angle)[rows + 1], np.cos(angle)[rows + 1]], axis=1)
        load.append(float(model(inputs[None])[0, 0]))
    np.testing.assert_allclose(found.values[:, 0], load[100:], rtol=1e-5)


def test_the_calendar_goes_on_by_itself(tmp_path: Path) -> None:
    models = trained(tmp_path, calendar="hour", horizon="2")
    found = forecast(models, str(tmp_path / "load.csv"))
    assert found.times == ("2024-01-05 04:00:00", "2024-01-05 05:00:00")
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize("steps", [0, -1])
def test_no_steps_are_refused(tmp_path: Path, steps: int) -> None:
    models = trained(tmp_path)
    with pytest.raises(UserError, match=f"--steps is {steps}: expected 1 or more"):
        forecast(models, str(tmp_path / "load.csv"), steps)
