"""Times: numbers, ISO dates and others, zones, and what is said of a column that is none of these."""

from __future__ import annotations

import re
import shlex
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.reading import Reading, Selection
from tasks.rows import read_rows
from tasks.table import read_table


@pytest.fixture
def times(tmp_path):
    """Write times to a file and read them, as the rows of a series."""

    def times(texts, **reading):
        path = tmp_path / "t.csv"
        path.write_text("t;a\n" + "".join(f"{text};{i}\n" for i, text in enumerate(texts)))
        return read_rows(str(path), Reading(time="t", delimiter=";", **reading), Selection(("a",)))

    return times


def test_times_as_numbers_and_as_dates(times):
    np.testing.assert_array_equal(times(["1.5", "2"]).times.values, [1.5, 2])
    days = times(["2024-02-28", "2024-02-29 00:00", "2024-03-01T00:00:00+00:00"]).times
    np.testing.assert_array_equal(np.diff(days.values), [86400, 86400])
    assert [days.text(i) for i in range(3)] == ["2024-02-28", "2024-02-29", "2024-03-01"]


def test_a_date_with_a_zone_is_placed_by_it(times):
    found = times(["2024-01-01T00:00+02:00", "2024-01-01T00:00Z"]).times
    assert found.values[1] - found.values[0] == 7200


@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), min_size=2, max_size=6, unique=True))
@settings(derandomize=True, max_examples=50, deadline=None)
def test_iso_dates_are_those_of_pandas(tmp_path_factory, moments):
    path = tmp_path_factory.getbasetemp() / "iso.csv"
    moments = sorted(moments)
    path.write_text("t,a\n" + "".join(f"{moment.isoformat()},0\n" for moment in moments))
    found = read_table(path, Reading(time="t")).times("t").values
    expected = [(moment - datetime(1970, 1, 1)) / timedelta(seconds=1) for moment in moments]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("%d.%m.%Y", ["30.03.2024", "31.03.2024"]),
        ("%d.%m.%Y %H:%M", ["30.03.2024 23:00", "31.03.2024 00:00"]),
        ("%m/%d/%Y", ["03/30/2024", "03/31/2024"]),
        ("%m/%d/%Y %I:%M %p", ["03/30/2024 11:00 PM", "03/31/2024 12:00 AM"]),
        ("%d/%m/%Y", ["30/03/2024", "31/03/2024"]),
        ("%Y-%m", ["2024-03", "2024-04"]),
        ("%d-%b-%y", ["30-Mar-24", "31-Mar-24"]),
    ],
)
def test_other_dates_are_refused_with_the_flag_that_reads_them(times, pattern, texts):
    with pytest.raises(UserError, match="expected ISO dates, as in 2024-03-31; give --date-format ") as caught:
        times(texts)
    offered = re.search(r"--date-format ('[^']*'|\S+)", str(caught.value))[1]
    assert shlex.split(offered) == [pattern]
    expected = pd.to_datetime(texts, format=pattern)
    np.testing.assert_array_equal(
        np.diff(times(texts, date_format=pattern).times.values), np.diff(expected) / np.timedelta64(1, "s")
    )


def test_dates_that_fit_two_countries_name_both(times):
    with pytest.raises(UserError) as caught:
        times(["03/04/2024", "05/06/2024"])
    assert "--date-format %d/%m/%Y (British)" in str(caught.value)
    assert "--date-format %m/%d/%Y (US)" in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["1", "1"], "must increase, but line 3 has '1' after '1': keep the first row of each time with --drop-dup"),
        (["2024-01-02", "2024-01-01"], "line 3 has '2024-01-01' after '2024-01-02': --sort sorts the rows"),
        (["1", ""], "time column 't' has no value in line 3"),
        (["1", "soon"], "expected numbers or ISO dates.*%d.%m.%Y .German. or %m/%d/%Y .US."),
        (["2024-01-01", "2024-13-01"], "'2024-13-01' in line 3: expected numbers or ISO dates"),
        (["1", "inf"], "infinite"),
        (["1959Q1", "1959Q2"], "quarters are no dates; in pandas: pandas.PeriodIndex"),
    ],
)
def test_times_that_are_refused(times, texts, message):
    with pytest.raises(UserError, match=message):
        times(texts)


def test_sorting_and_dropping(times):
    found = times(["2024-01-03", "2024-01-01", "2024-01-03", "2024-01-02"], sort=True, drop_duplicates=True)
    np.testing.assert_array_equal(found.columns["a"], [1, 3, 0])
    assert found.notes == (
        "rows were sorted by time (4 stood elsewhere)",
        "1 of 4 rows repeat a time and were dropped",
    )


def local_hours(zone, start, count):
    """As a logger writes them that shows the time on the wall."""
    return [str(moment.tz_localize(None)) for moment in pd.date_range(start, periods=count, freq="h", tz=zone)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
def test_clocks_that_are_changed_leave_a_regular_series_with_the_zone(times, zone):
    texts = local_hours(zone, "2024-01-01", 24 * 366)
    found = times(texts, time_zone=zone)
    assert (np.diff(found.times.values) == 3600).all()
    assert found.notes == ()
    assert found.times.text(5000) == texts[5000]
    with pytest.raises(UserError, match="where clocks are set back: give --time-zone, as in Europe/Berlin"):
        times(texts)


@pytest.mark.parametrize(
    ("zone", "start", "fixed"),
    [
        ("Europe/Berlin", "2025-03-29 20:01", "Etc/GMT-1"),
        ("America/New_York", "2025-03-08 20:01", "Etc/GMT+5"),
        ("Europe/London", "2025-03-29 20:01", "UTC"),
        ("Australia/Adelaide", "2025-10-04 20:01", None),  # half an hour beside the full ones
    ],
)
@pytest.mark.parametrize("sort", [False, True])
def test_a_logger_that_ignores_summer_time_is_told_and_mended(times, zone, start, fixed, sort):
    moments = pd.date_range(start, periods=700, freq="min")
    texts = moments.strftime("%Y-%m-%d %H:%M")
    with pytest.raises(UserError, match=rf"a time that does not exist in {zone} .*leave out --time-zone") as caught:
        times(texts, time_zone=zone, sort=sort)
    assert (f"--time-zone {fixed}" in str(caught.value)) == (fixed is not None)
    assert "--sort" not in str(caught.value)
    for mended in filter(None, (fixed, "none")):
        found = times(texts, **({} if mended == "none" else {"time_zone": mended}))
        assert (np.diff(found.times.values) == 60).all()
        assert found.notes == ()


@pytest.mark.parametrize("frequency", ["h", "15min"])
@pytest.mark.parametrize("order", ["as it is", "newest first", "two halves"])
def test_the_hour_that_comes_twice_is_sorted_where_the_zone_is_known(times, frequency, order):
    """`times` numbers the rows as they stand in the file, so the column shows where each came from."""
    moments = pd.date_range("2024-10-26", periods=3 * 24 * 4, freq=frequency, tz="Europe/Berlin")
    stands = {
        "as it is": np.arange(len(moments)),
        "newest first": np.arange(len(moments))[::-1],
        "two halves": np.roll(np.arange(len(moments)), 7),  # the newest seven rows stand first
    }[order]
    texts = [str(moment.tz_localize(None)) for moment in moments[stands]]
    found = times(texts, time_zone="Europe/Berlin", sort=True)
    np.testing.assert_array_equal(found.times.values, [moment.timestamp() for moment in moments])
    np.testing.assert_array_equal(stands[found.columns["a"].astype(int)], np.arange(len(moments)))


def test_an_hour_that_is_left_out_in_spring_is_told_with_the_flag(times):
    texts = local_hours("Europe/Berlin", "2024-03-30", 72)
    found = times(texts)
    assert len(found.notes) == 1
    assert "1 of 73 hourly rows are missing (the first after 2024-03-31 01:00:00)" in found.notes[0]
    assert "--time-zone, as in Europe/Berlin" in found.notes[0]


def test_days_written_as_numbers_are_noticed(times):
    found = times(["20240331", "20240401", "20240402"])
    assert "time column 't' has numbers that look like days: give --date-format %Y%m%d" in found.notes
    assert times(["20240331", "20240401", "20240402"], date_format="%Y%m%d").notes == ()


def test_an_unknown_zone(times):
    with pytest.raises(UserError, match="unknown time zone 'Berlin': expected a name such as Europe/Berlin"):
        times(["2024-01-01", "2024-01-02"], time_zone="Berlin")
