"""Regular time, against pandas: the step is found, missing rows are counted, and the grid goes on after its end."""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.reading import Reading, Selection
from tasks.resampling import usual_period
from tasks.rows import read_rows
from tasks.time_column import EPOCH, Times
from tasks.time_grid import find_grid

STEPS = {
    "min": "minute",
    "15min": "15-minute",
    "h": "hourly",
    "6h": "6-hour",
    "D": "daily",
    "3D": "3-day",
    "W": "weekly",
    "B": "working-day",
    "MS": "monthly",
    "ME": "monthly",
    "QS": "quarterly",
    "QE": "quarterly",
    "YS": "annual",
}


def times_of(index: pd.DatetimeIndex) -> Times:
    wall = index.tz_localize(None)
    seconds = [(moment.to_pydatetime() - EPOCH).total_seconds() for moment in wall]
    return Times(
        np.array([moment.timestamp() for moment in index.tz_localize(index.tz or "UTC")])
        if index.tz is None
        else np.array([moment.timestamp() for moment in index]),
        np.array(seconds),
        str(index.tz) if index.tz else None,
    )


@given(
    st.sampled_from(list(STEPS)),
    st.datetimes(datetime(1950, 1, 1), datetime(2030, 1, 1)),
    st.integers(20, 60),
    st.sets(st.integers(3, 18), max_size=4),
)
@settings(derandomize=True, max_examples=150, deadline=None)
def test_the_grid_of_every_step_with_missing_rows(step, start, count, missing):
    full = pd.date_range(pd.Timestamp(start).normalize(), periods=count, freq=step)
    kept = np.array([i for i in range(count) if i not in missing])
    times = times_of(full[kept])
    grid = find_grid(times)
    assert grid is not None
    assert grid.adjective == STEPS[step]
    np.testing.assert_array_equal(grid.positions, kept)
    assert grid.missing == len(missing)
    expected = pd.date_range(full[0], periods=count + 30, freq=step)
    made = grid.times(times, np.arange(count + 30))
    assert [made.text(i) for i in range(count + 30)] == [str(t).removesuffix(" 00:00:00") for t in expected]


@pytest.mark.parametrize("step", ["D", "h"])
def test_days_and_hours_in_a_zone_where_clocks_are_changed(step):
    full = pd.date_range("2024-03-01", periods=300, freq=step, tz="Europe/Berlin")
    times = times_of(full[:200])
    grid = find_grid(times)
    assert grid is not None
    assert (grid.adjective, grid.missing) == (STEPS[step], 0)
    made = grid.times(times, np.arange(300))
    np.testing.assert_array_equal(made.values, [moment.timestamp() for moment in full])
    assert made.text(250) == str(full[250].tz_localize(None)).removesuffix(" 00:00:00")


def test_numbers():
    grid = find_grid(Times(np.array([0.0, 0.1, 0.2, 0.4])))
    assert grid is not None
    assert grid.positions.tolist() == [0, 1, 2, 4]
    assert find_grid(Times(np.array([0.0, 1.0, 2.3, 3.1]))) is None
    assert find_grid(Times(np.array([0.0, 1.0, 2.0, 1e9]))) is None  # almost nothing of the grid is there


def test_the_59_missing_weeks_of_mauna_loa(tmp_path):
    co2 = pytest.importorskip("statsmodels.datasets").co2.load_pandas().data
    co2 = co2.dropna().rename_axis("date")
    co2.to_csv(tmp_path / "co2.csv")
    reading = Reading(time="date")
    notes = read_rows(str(tmp_path / "co2.csv"), reading, Selection(("co2",))).notes
    assert notes == (
        "59 of 2,284 weekly rows are missing (the first after 1958-05-03): kept as it is; --fill forward adds them, "
        "--resample M makes longer steps",
    )
    filled = read_rows(str(tmp_path / "co2.csv"), Reading(time="date", fill="forward"), Selection(("co2",)))
    expected = co2["co2"].asfreq("W-SAT").ffill()
    np.testing.assert_array_equal(filled.columns["co2"], expected)


@pytest.mark.parametrize(
    ("rule", "theirs"), [("h", "h"), ("D", "D"), ("W", "W-SUN"), ("M", "M"), ("Q", "Q"), ("Y", "Y")]
)
def test_resampled_rows_are_the_means_of_pandas_periods(tmp_path, rule, theirs):
    rng = np.random.default_rng(0)
    index = pd.DatetimeIndex(np.sort(rng.choice(pd.date_range("2020-02-01", "2022-01-01", freq="min"), 4000, False)))
    frame = pd.DataFrame({"a": rng.standard_normal(4000)}, index=index.rename("t"))
    frame.loc[frame.index[::7], "a"] = np.nan
    frame.to_csv(tmp_path / "t.csv")
    reading = Reading(time="t", resample=rule, fill="forward")
    if rule == "h":
        reading = Reading(time="t", resample="12h", fill="forward")
        expected = frame["a"].resample("12h").mean()
    else:
        expected = frame["a"].groupby(frame.index.to_period(theirs)).mean()
        expected = expected.reindex(pd.period_range(expected.index[0], expected.index[-1], freq=theirs))
        expected.index = expected.index.start_time
    found = read_rows(str(tmp_path / "t.csv"), reading, Selection(("a",)))
    np.testing.assert_allclose(found.columns["a"], expected.ffill(), rtol=1e-12)
    assert [found.times.text(i) for i in range(2)] == [str(t).removesuffix(" 00:00:00") for t in expected.index[:2]]


@pytest.mark.parametrize("rule", ["h", "30min", "6h", "D"])
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2024-03-31"),
        ("Europe/Berlin", "2024-10-27"),
        ("America/New_York", "2024-03-10"),
        ("America/New_York", "2024-11-03"),
    ],
)
def test_resampling_over_a_change_of_clocks_misses_nothing_and_mixes_no_hours(tmp_path, zone, day, rule):
    """An hour that does not exist is not missing, and the hour that comes twice is two, as pandas has it."""
    index = pd.date_range(pd.Timestamp(day) - pd.Timedelta("3D"), periods=6 * 24 * 4, freq="15min", tz=zone)
    frame = pd.DataFrame({"a": np.random.default_rng(0).standard_normal(len(index))}, index=index)
    frame.set_axis(index.tz_localize(None).rename("t")).to_csv(tmp_path / "t.csv")  # as a clock on the wall shows it
    rows = read_rows(str(tmp_path / "t.csv"), Reading(time="t", time_zone=zone, resample=rule), Selection(("a",)))
    assert not [note for note in rows.notes if "missing" in note]
    if rule in ("6h", "D"):  # by the wall
        period = frame.index.tz_localize(None).floor(rule)
        expected = frame["a"].groupby(period).mean()
        assert [rows.times.text(i, clock=True) for i in range(len(rows))] == [str(t) for t in expected.index]
    else:
        expected = frame["a"].resample(rule).mean()
        np.testing.assert_array_equal(rows.times.values, [moment.timestamp() for moment in expected.index])
        shown = [str(moment.tz_localize(None)) for moment in expected.index]
        assert [rows.times.text(i, clock=True) for i in range(len(rows))] == shown
        after = rows.grid.times(rows.times, np.array([len(rows)]))
        assert after.values[0] == 2 * rows.times.values[-1] - rows.times.values[-2]
    np.testing.assert_allclose(rows.columns["a"], expected, rtol=1e-12)


def test_hours_with_their_offsets_written_are_not_missing_either(tmp_path):
    index = pd.date_range("2024-03-30", periods=72, freq="30min", tz="Europe/Berlin")
    frame = pd.DataFrame({"t": [moment.isoformat() for moment in index], "a": np.arange(72.0)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    rows = read_rows(str(tmp_path / "t.csv"), Reading(time="t", resample="h"), Selection(("a",)))
    np.testing.assert_array_equal(rows.columns["a"], np.arange(72).reshape(36, 2).mean(axis=1))


def events(tmp_path, gaps, rows=400):
    """A row about every minute, and values that are missing."""
    rng = np.random.default_rng(0)
    steps = rng.choice([58, 60, 62, 120, 600], rows, p=[0.2, 0.5, 0.2, 0.08, 0.02])
    times = pd.Timestamp("2024-05-01") + pd.to_timedelta(steps.cumsum(), "s")
    frame = pd.DataFrame({"t": times.strftime("%Y-%m-%d %H:%M:%S"), "a": rng.normal(0, 1, rows)})
    frame.loc[list(gaps), "a"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    return lambda **more: read_rows(str(tmp_path / "t.csv"), Reading(time="t", **more), Selection(("a",)))


def test_a_period_that_fits_the_usual_step_is_named(tmp_path):
    read = events(tmp_path, [])
    assert "; --resample min, say, makes it regular" in read().notes[0]
    assert read(resample="min", fill="forward").grid.missing == 0


@pytest.mark.parametrize(
    ("step", "rule"), [(0.4, "s"), (58, "min"), (61, "min"), (90, "5min"), (3500, "h"), (86400, "D"), (1e9, "Y")]
)
def test_the_usual_step_as_a_period(step, rule):
    assert usual_period(step) == rule


def test_periods_without_a_row_are_no_gaps_of_the_file(tmp_path):
    with pytest.raises(UserError, match=r"\d+ of \d+ periods have no row: give a longer period, fill them") as caught:
        events(tmp_path, [])(resample="5min")
    said, count, total = re.search(r"((\d+) of (\d+) periods have no row)", str(caught.value)).groups()
    rows = events(tmp_path, [])(resample="5min", fill="forward")
    assert f"{said}: filled forward" in rows.notes
    assert len(rows) == int(total) > int(count) > 1
    with pytest.raises(UserError, match=rf"{said}; column 'a' misses 1[0-9] of {total} values"):
        events(tmp_path, range(100, 170))(resample="5min")
