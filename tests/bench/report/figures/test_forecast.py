"""Forecasts over the dates of the test stretch."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.dates import num2date
from matplotlib.figure import Figure

from bench.analysis.forecasts import Forecasts, forecasts
from bench.analysis.results import Results
from bench.report import plots
from bench.report.figures.forecast import draw
from tasks.errors import UserError

TRUTH = np.array([1.0, 2.0, 4.0])
MODELS = {"gru": np.array([[0.5, 1.0, 1.5], [2.0, 2.0, 2.0], [3.0, 4.0, 5.0]])}


@pytest.fixture
def axes() -> Axes:
    return Figure().subplots()


@pytest.fixture
def results(synthetic: ModuleType) -> Results:
    records = synthetic.experiment(("series",), ("gru",), seeds=1, trials=1)
    return Results("synthetic", tuple(records), {})


def test_truth_models_and_references_stand_at_their_dates(axes: Axes, results: Results) -> None:
    dates = ("2024-01-01", "2024-02-01", "2024-03-01")
    alt = draw(axes, Forecasts("price", "day", dates, TRUTH, MODELS, {"persistence": TRUTH - 1}), results)
    lines = {str(line.get_label()): line for line in axes.lines}
    np.testing.assert_array_equal(lines["truth"].get_ydata(), TRUTH)
    np.testing.assert_array_equal(lines["gru"].get_ydata(), [1.0, 2.0, 4.0])
    np.testing.assert_array_equal(lines["persistence"].get_ydata(), TRUTH - 1)
    at = np.asarray(lines["truth"].get_xdata(), dtype=float)
    assert [num2date(place).date().isoformat() for place in at] == list(dates)  # type: ignore[no-untyped-call]
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.5, 5.0)
    assert "from 2024-01-01 to 2024-03-01" in alt
    assert "gru 0" in alt


@pytest.mark.parametrize(
    ("name", "times", "label", "at"),
    [
        ("YEAR", ("1700", "1701", "1702"), "YEAR", [1700, 1701, 1702]),
        ("row", ("8", "9", "10"), "row of the file", [8, 9, 10]),
        ("row", (), "test forecast", [0, 1, 2]),
    ],
)
def test_years_and_rows_are_numbers(
    axes: Axes, results: Results, name: str, times: tuple[str, ...], label: str, at: list[float]
) -> None:
    draw(axes, Forecasts("y", name, times, TRUTH, MODELS, {}), results)
    assert axes.get_xlabel() == label
    np.testing.assert_array_equal(np.asarray(axes.lines[-1].get_xdata(), dtype=float), at)


def test_an_experiment_keeps_what_the_figure_needs(tmp_path: Path) -> None:
    from bench.analysis.results import load
    from bench.config.resolve import resolve
    from bench.experiment.run import run

    asked = {"tasks": "sunspots", "models": "numpy_gru", "budget": "smoke", "trials": 1, "seeds": 2, "name": "mine"}
    run(resolve({**asked, "results": str(tmp_path / "results"), "reports": str(tmp_path / "reports")}))
    results = load("mine", tmp_path / "results")
    (found,) = forecasts(results, results.matches[0], "sunspots")
    assert (found.name, found.time_name) == ("SUNACTIVITY", "YEAR")
    assert [float(text) for text in found.times] == list(range(1987, 2009))  # two blocks of 11 years, in order
    assert found.truth[-1] == pytest.approx(2.9)  # of 2008
    np.testing.assert_allclose(found.references["persistence"][1:], found.truth[:-1], rtol=1e-5)
    assert set(found.references) >= {"persistence", "training_mean", "seasonal_naive", "linear_ar"}
    assert np.isfinite(found.models["numpy_gru"]).all()
    axes = plots.forecasts(results, axes=Figure().subplots())
    assert axes.get_ylabel() == "SUNACTIVITY"
    with pytest.raises(UserError, match="predicts 1 column"):
        plots.forecasts(results, output=1, axes=Figure().subplots())
    recorded = results.references.set_index(["model", "replicate"])["test_loss"]
    for replicate, rows in ((1, slice(11, 22)), (2, slice(0, 11))):  # the newest block is the first replicate's
        error = {name: np.square(values - found.truth)[rows].mean() for name, values in found.references.items()}
        ratio = recorded["linear_ar", replicate] / recorded["persistence", replicate]  # losses are in standard units
        assert error["linear_ar"] / error["persistence"] == pytest.approx(ratio, rel=1e-4)


@pytest.mark.parametrize("hours", [3, 50, 61, 66, 71, 72, 400])
def test_any_span_of_hours_has_dates_on_its_axis(results: Results, hours: int) -> None:
    start = datetime(2024, 3, 20, 5)
    times = tuple((start + timedelta(hours=i)).isoformat() for i in range(hours + 1))
    values = np.linspace(0, 1, hours + 1)
    figure = Figure()
    axes = figure.subplots()
    draw(axes, Forecasts("load", "time", times, values, {"gru": np.stack([values] * 3, axis=1)}, {}), results)
    figure.draw_without_rendering()  # type: ignore[no-untyped-call]  # a warning of the locator is an error here
    low, high = axes.get_xlim()
    assert 3 <= sum(low <= place <= high for place in axes.get_xticks()) <= 7
