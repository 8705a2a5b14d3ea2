"""`bench.compare`: a DataFrame in, decisions and forecasts out; and results that fit on a screen."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bench
from bench.cli.display.observing import observing
from bench.notebook import ModelComparison
from tasks.errors import UserError

SMALL: dict[str, Any] = {
    "budget": "smoke",
    "executor": "inline",
    "steps": 5,
    "trials": 1,
    "replicates": 2,
    "quiet": True,
    "hidden_sizes": "4",
    "layers": "1",
    "lr_range": "0.01,0.01",
    "window": 4,
}


def hourly(rows: int = 80) -> pd.DataFrame:
    times = pd.date_range("2024-01-01", periods=rows, freq="h", name="time")
    values = np.random.default_rng(0).normal(50, 5, rows)
    return pd.DataFrame({"load": values}, index=times)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("compare")
    return {"results": str(folder / "results"), "reports": str(folder / "reports")}


@pytest.fixture(scope="module")
def found(places: dict[str, str]) -> ModelComparison:
    return bench.compare(hourly(), target="load", models=["gru", "numpy_gru"], **places, **SMALL)


def test_it_says_what_came_out(found: ModelComparison) -> None:
    assert [verdict.task for verdict in found.verdicts] == found.results.tasks
    assert set(found.summary["model"]) >= {"gru", "numpy_gru", "persistence"}
    assert found.report.exists()
    text = repr(found)
    assert "can't tell yet" in text
    assert len(text) < 2500
    assert len(text.splitlines()) < 24
    assert "<table" in found._repr_html_()
    assert str(found.report) in found._repr_html_()


def test_the_best_model_forecasts_a_frame_and_the_index_goes_on(found: ModelComparison) -> None:
    frame = hourly(60)
    forecast = found.best.predict(frame, steps=3)
    assert forecast.index.equals(pd.date_range("2024-01-03 12:00", periods=3, freq="h", name="time"))
    assert list(forecast.columns) == ["load", "low", "high"]
    assert (forecast["low"] < forecast["load"]).all()
    assert (forecast["load"] < forecast["high"]).all()
    several = found.model("gru", ensemble=True)
    assert "2 replicates" in repr(several)
    assert several.predict(frame).shape == (1, 3)


def test_the_same_frame_finds_what_it_has_trained_and_a_changed_one_does_not(
    found: ModelComparison, places: dict[str, str]
) -> None:
    again = bench.compare(hourly(), target="load", models=["gru", "numpy_gru"], **places, **SMALL)
    assert again.name == found.name
    other = bench.compare(hourly(70), target="load", models=["numpy_gru"], **places, **SMALL)
    assert other.name != found.name


def test_a_changed_frame_under_the_same_name_is_refused(places: dict[str, str]) -> None:
    given = {"target": "load", "models": ["numpy_gru"], "name": "mine", **places, **SMALL}
    bench.compare(hourly(70), **given)
    before = Path(places["results"], "frames", "mine.csv").read_bytes()
    with pytest.raises(UserError, match=r"DataFrame has changed since .*mine was made \(70 → 71 rows\)"):
        bench.compare(hourly(71), **given)
    assert Path(places["results"], "frames", "mine.csv").read_bytes() == before


def test_times_as_text_are_an_index_too(places: dict[str, str]) -> None:
    """As `pandas.read_csv` gives them."""
    frame = hourly().reset_index()
    frame["time"] = frame["time"].astype(str)
    found = bench.compare(frame, target="load", time="time", models=["numpy_gru"], **places, **SMALL)
    forecast = found.best.predict(frame, steps=3)
    assert forecast.index.equals(pd.date_range("2024-01-04 08:00", periods=3, freq="h", name="time"))


def test_numbers_and_rows_without_time_are_an_index_too(places: dict[str, str]) -> None:
    plain = hourly().reset_index(drop=True)
    forecast = bench.compare(plain, target="load", models=["numpy_gru"], **places, **SMALL).best.predict(plain)
    assert forecast.index.tolist() == [80]
    years = plain.assign(year=np.arange(1900, 1980))
    found = bench.compare(years, target="load", time="year", models=["numpy_gru"], **places, **SMALL)
    assert found.best.predict(years, steps=2).index.tolist() == [1980, 1981]


def test_what_is_wrong_is_said_of_the_frame_and_its_rows(places: dict[str, str]) -> None:
    """Nobody who gave a DataFrame knows of the file that workers read, of its lines or of flags."""
    frame = hourly()
    frame.iloc[[5, 14, 70], 0] = np.nan
    with pytest.raises(UserError) as caught:
        bench.compare(frame, target="load", **places, **SMALL)
    assert str(caught.value) == (
        "the DataFrame: column 'load' misses 3 of 80 values (rows 5, 14, 70): fill them in, or repeat the last value "
        'with fill="forward"'
    )


def test_what_a_run_notes_is_said_in_keyword_arguments(
    places: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    spoken = SMALL | {"quiet": False}
    bench.compare(hourly(), target="load", models="numpy_gru", horizon=3, **places, **spoken)
    said = capsys.readouterr().err
    assert '; horizons="1-3" forecasts all rows up to there' in said
    assert "--" not in said


def test_an_unknown_column_is_named_with_the_nearest(places: dict[str, str]) -> None:
    with pytest.raises(UserError, match="unknown column 'laod': did you mean 'load'"):
        bench.compare(hourly(), target="laod", **places, **SMALL)


def test_a_series_is_refused_and_a_model_may_be_named_as_on_the_command_line(places: dict[str, str]) -> None:
    with pytest.raises(UserError, match=r"compare got a Series: expected a DataFrame, as series.to_frame"):
        bench.compare(hourly()["load"], target="load", **places, **SMALL)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="unknown model 'gro'"):
        bench.compare(hourly(), target="load", models="gru,gro", **places, **SMALL)


def test_results_of_many_tasks_fit_on_a_screen(synthetic: Any, tmp_path: Path) -> None:
    tasks = tuple(f"copy[delay={n}]" for n in range(5, 40))
    synthetic.write(tmp_path, "mine", synthetic.experiment(tasks, seeds=2, trials=2))
    text = repr(bench.load("mine", tmp_path))
    assert len(text.splitlines()) <= 24
    assert "and 27 more tasks" in text


def test_a_notebook_shows_one_line_that_is_written_again() -> None:
    stream = io.StringIO()
    record = {"stage": "trial", "status": "ok", "task": {"label": "t"}, "model": {"label": "m"}}
    with observing(False, stream, in_place=True) as observer:
        observer.planned(2)
        observer.note("59 rows are missing")
        observer.finished(0, record, False)
        observer.finished(None, record, True)
    text = stream.getvalue()
    assert text.startswith("\r59 rows are missing\n\r1 of 2 trainings and measurements")
    assert text.rstrip().endswith("2 trainings (1 found in the records) in 0:00")
    assert text.count("\n") == 2
