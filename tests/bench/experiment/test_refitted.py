"""Forecasts of predictors without a net: fitted again from the experiment's table, as they were in the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
from bench.experiment.refitted import forecasters
from bench.training.export import export
from bench.training.forecast import forecast
from bench.training.kept import best_models
from tasks.errors import UserError

ROWS = 90


def write(path: Path, rows: int, **changes: float) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{i},{50 + np.sin(i / 4) + rng.normal(0, 0.3):.4f},{rng.normal(0, 1):.4f}" for i in range(rows)]
    for row, value in changes.items():
        lines[int(row.removeprefix("row"))] = f"{row.removeprefix('row')},{value},0"
    path.write_text("\n".join(["t,x,z", *lines]) + "\n")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("refitted")
    write(folder / "x.csv", ROWS)
    fixed = {"hidden_sizes": "4", "layers": "1", "lr_range": "0.01,0.01", "trials": 1, "replicates": 2, "steps": 3}
    own = {"data": str(folder / "x.csv"), "target": "x", "time": "t", "window": 6, "season": 25}
    common = {**fixed, **own, "models": "numpy_gru", "budget": "smoke", "executor": "inline"}
    bench.run(bench.resolve({**common, "name": "e", "results": str(folder / "results")}))
    return folder, lambda: bench.load("e", folder / "results")


@pytest.fixture(autouse=True)
def as_it_was(run: Any) -> None:
    write(run[0] / "x.csv", ROWS)


def one(run: Any, name: str, steps: int = 1) -> Any:
    (model,) = forecasters(run[1](), model=name)
    return forecast([model], str(run[0] / "x.csv"), steps)


def test_a_reference_forecasts_the_next_rows(run: Any) -> None:
    values = np.loadtxt(run[0] / "x.csv", delimiter=",", skiprows=1)[:, 1]
    np.testing.assert_allclose(one(run, "persistence", 3).values[:, 0], [values[-1]] * 3, rtol=1e-6)
    season = one(run, "seasonal_naive", 30)  # longer than the window, and rolled on over its own forecasts
    np.testing.assert_allclose(season.values[:, 0], np.resize(values[-25:], 30), rtol=1e-6)
    assert season.times[:2] == ("90", "91")
    linear = one(run, "linear_ar", 2)
    assert ((linear.low < linear.values) & (linear.values < linear.high)).all()
    assert abs(linear.values[0, 0] - values[-1]) < 2


def test_linear_ar_is_the_one_that_was_compared(run: Any) -> None:
    record = next(r for r in run[1]().records if r["model"]["label"] == "linear_ar" and r["replicate"] == 1)
    (model,) = forecasters(run[1](), model="linear_ar")
    order = int(record["model"]["how"].split("order ")[1].split(",")[0])
    values = np.loadtxt(run[0] / "x.csv", delimiter=",", skiprows=1)[:, 1]
    train = values[: record["origin"]["train_rows"]]
    design = np.stack([[*train[i - order : i], 1.0] for i in range(6, len(train))])  # windows of 6 rows
    weights = np.linalg.lstsq(design, train[6:], rcond=None)[0]
    found = forecast([model], str(run[0] / "x.csv")).values[0, 0]
    assert found == pytest.approx(float(weights @ [*values[-order:], 1.0]), rel=1e-5)


def test_rows_added_at_the_end_change_no_fit_and_other_changes_are_refused(run: Any) -> None:
    table = str(run[0] / "x.csv")
    new = run[0] / "new.csv"
    write(new, ROWS + 7)
    (model,) = forecasters(run[1](), model="linear_ar")
    before = forecast([model], str(new)).values
    write(run[0] / "x.csv", ROWS + 7)
    (model,) = forecasters(run[1](), model="linear_ar")
    np.testing.assert_array_equal(forecast([model], table).values, before)
    write(run[0] / "x.csv", ROWS, row60=70)
    with pytest.raises(UserError, match=r"linear_ar is fitted again from the table of e, and .*x.csv has changed"):
        forecasters(run[1](), model="linear_ar")
    Path(table).unlink()
    with pytest.raises(UserError, match=r"x.csv does not exist: put it back, or forecast with a net"):
        forecasters(run[1](), model="linear_ar")


def test_rows_added_at_the_end_may_lack_their_targets(tmp_path: Path) -> None:
    """The grown file leaves blocks out, the fit is of the rows of the run."""
    write(tmp_path / "x.csv", ROWS)
    before = (tmp_path / "x.csv").read_text()
    fixed = {"hidden_sizes": "4", "layers": "1", "lr_range": "0.01,0.01", "trials": 1, "replicates": 2, "steps": 3}
    own = {"data": str(tmp_path / "x.csv"), "target": "x", "fill": "forward", "window": 6, "models": "numpy_gru"}
    common = {**fixed, **own, "budget": "smoke", "executor": "inline", "results": str(tmp_path / "results")}
    bench.run(bench.resolve({**common, "name": "e"}))
    results = bench.load("e", tmp_path / "results")
    (model,) = forecasters(results, model="linear_ar")
    fitted = forecast([model], str(tmp_path / "x.csv")).values
    (tmp_path / "x.csv").write_text(before + "".join(f"{i},,0\n" for i in range(ROWS, ROWS + 24)) + "114,50,0\n")
    assert bench.resolve({**common, "name": "e"}).tasks[0].origins.skipped
    (model,) = forecasters(results, model="linear_ar")
    (tmp_path / "x.csv").write_text(before)
    np.testing.assert_array_equal(forecast([model], str(tmp_path / "x.csv")).values, fitted)


def test_all_replicates_of_a_reference_are_an_ensemble(run: Any) -> None:
    models = forecasters(run[1](), model="linear_ar", ensemble=True)
    assert [model.about["replicate"] for model in models] == [1, 2]
    assert "the mean of 2 models" in forecast(models, str(run[0] / "x.csv")).notes[0]


def test_a_reference_is_not_exported_and_a_name_that_is_not_there_is_refused(run: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"linear_ar is a predictor without a net, of which no model is kept: give one"):
        export(*best_models(run[1](), model="linear_ar"), tmp_path, experiment="e", train_rows=1, table="x.csv")
    with pytest.raises(UserError, match=r"did you mean 'linear_ar'\? Valid: .*numpy_gru.*persistence"):
        forecasters(run[1](), model="linear")


def test_a_run_that_scored_filled_values_is_fitted_again_too(tmp_path: Path) -> None:
    """An earlier bench recorded the loss over all targets; the file is not to blame."""
    write(tmp_path / "x.csv", ROWS)
    text = (tmp_path / "x.csv").read_text().splitlines()
    for row in (60, 70, 81):
        text[row] = ",,".join(text[row].split(",")[::2])
    (tmp_path / "x.csv").write_text("\n".join(text) + "\n")
    fixed = {"hidden_sizes": "4", "layers": "1", "lr_range": "0.01,0.01", "trials": 1, "replicates": 1, "steps": 3}
    own = {"data": str(tmp_path / "x.csv"), "target": "x", "fill": "forward", "window": 6, "models": "numpy_gru"}
    common = {**fixed, **own, "budget": "smoke", "executor": "inline", "results": str(tmp_path / "results")}
    bench.run(bench.resolve({**common, "name": "e"}))
    results = bench.load("e", tmp_path / "results")
    task = bench.resolve({**common, "name": "e"}).tasks[0].at(1)
    valid = task.generate(0).valid
    earlier = float(np.mean((valid.inputs[:, -1, :1].astype(float) - valid.targets) ** 2))
    records = [
        {**r, "valid_loss": earlier} if r["stage"] == "reference" and r["model"]["label"] == "persistence" else r
        for r in results.records
    ]
    persistence = next(r for r in records if r["stage"] == "reference" and r["model"]["label"] == "persistence")
    now = next(r for r in results.records if r["key"] == persistence["key"] and r["model"]["label"] == "persistence")
    assert now["valid_loss"] != pytest.approx(earlier, rel=1e-3)
    for held in (results, replace(results, records=tuple(records))):
        (model,) = forecasters(held, model="persistence")
        assert forecast([model], str(tmp_path / "x.csv")).values.shape == (1, 1)
