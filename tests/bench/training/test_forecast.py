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
        match=re.escape("it has no forecast of temp, the calendar"),
    ):
        forecast(models, str(tmp_path / "load.csv"), 2)


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
