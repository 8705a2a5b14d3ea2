"""Rows of a table: against pandas on tables in disorder, and one line for whatever a file holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.inputs import make_inputs
from tasks.reading import CALENDAR, Reading, Selection
from tasks.rows import read_rows

values = st.none() | st.floats(-1e6, 1e6) | st.just(float("inf"))


@st.composite
def disorder(draw: st.DrawFn) -> pd.DataFrame:
    """Days in any order, some twice, some missing; values with gaps and infinite ones, but for the first day."""
    days = draw(st.lists(st.integers(1, 30), min_size=12, max_size=30))
    frame = pd.DataFrame(
        {"day": [0, *days], "a": [1.0, *draw(st.lists(values, min_size=len(days), max_size=len(days)))]}
    )
    frame["word"] = [draw(st.sampled_from(["x", "y", ""])) if i else "x" for i in range(len(frame))]
    return frame


@given(disorder())
@settings(derandomize=True, max_examples=100, deadline=None)
def test_sorting_dropping_and_filling_are_those_of_pandas(tmp_path_factory: Any, frame: pd.DataFrame) -> None:
    path = tmp_path_factory.getbasetemp() / "disorder.csv"
    frame.assign(day=pd.Timestamp("2024-02-20") + pd.to_timedelta(frame["day"], "D")).to_csv(path, index=False)
    reading = Reading(time="day", sort=True, drop_duplicates=True, fill="forward")
    try:
        rows = read_rows(str(path), reading, Selection(("a",), categorical=("word",)))
    except UserError:
        rows = None
    expected = frame.sort_values("day", kind="stable").drop_duplicates("day").set_index("day")
    expected = expected.replace([np.inf, ""], [np.nan, None])
    if rows is None:
        assert len(expected) < 2
        return
    steps = np.diff(expected.index)
    if len(steps) >= 2 and len(rows) > len(expected):  # on a grid
        expected = expected.reindex(range(0, int(expected.index[-1]) + 1, int(np.median(steps))))
    expected = expected.ffill()
    np.testing.assert_array_equal(rows.columns["a"], expected["a"].astype(float))
    assert [rows.words["word"][int(code)] for code in rows.columns["word"]] == expected["word"].tolist()


cells = st.sampled_from(
    ["1", "-2.5", "1,5", "1.234,5", "", "nan", "inf", "1e999", "x", '"', "2024-01-01", "31.12.2024", "2024-10-27 02:30",
     "2024-03-31T02:30+01:00", "9999-12-31", "0001-01-01", "20240101", "١", "=1+1", "\x1b[31m", "1_0", "-", "a,b"]
)  # fmt: skip


@given(
    st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from([None, "t"]),
    st.fixed_dictionaries(
        {},
        optional={
            "delimiter": st.sampled_from([",", ";", "tab", "|", '"', "ab"]),
            "decimal": st.sampled_from([".", ",", ";"]),
            "date_format": st.sampled_from(["%d.%m.%Y", "%Q", "%", "%Y-%m-%d %H:%M", "%z", "\0"]),
            "time_zone": st.sampled_from(["Europe/Berlin", "UTC", "Nowhere", "../etc", "", "\0"]),
            "sort": st.booleans(),
            "drop_duplicates": st.booleans(),
            "resample": st.sampled_from(["W", "h", "s", "Q", "0D", "9999Y", "x", ""]),
            "fill": st.sampled_from(["none", "forward", "back"]),
        },
    ),
    st.sets(st.sampled_from(CALENDAR)),
    st.booleans(),
)
@example([["2024-01-01", "1", "2"], ["9999-12-31", "1", "2"]], "t", {"resample": "D"}, set(), False)
@settings(derandomize=True, max_examples=400, deadline=None)
def test_any_table_with_any_settings_is_rows_or_one_line(
    tmp_path_factory: Any,
    table: list[list[str]],
    time: str | None,
    asked: dict[str, Any],
    parts: set[str],
    future: bool,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any_rows.csv"
    path.write_text("t;a;b\n" + "".join(";".join(row) + "\n" for row in table))
    message, found, inputs = "", None, None
    try:
        selection = Selection(("a",), categorical=("b",), known=("b",), calendar=tuple(parts))
        found = read_rows(str(path), Reading(time=time, **asked), selection, allow_future=future)
        inputs = make_inputs(found, selection)
    except UserError as error:
        message = str(error)
    if found is None or inputs is None:
        assert message.splitlines() == [message]
        return
    assert np.isfinite(inputs.values[: len(found) - found.future]).all()
    assert found.times is None or (np.diff(found.times.values) > 0).all()


def test_many_columns_with_gaps_are_counted_and_not_all_named(tmp_path: Any) -> None:
    names = [f"column{i}" for i in range(40)]
    pd.DataFrame({name: [1.0, np.nan, 2.0] for name in names}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UserError, match="; and 35 more columns: fill them in") as caught:
        read_rows(str(tmp_path / "t.csv"), Reading(), Selection((names[0],), tuple(names[1:])))
    assert "column5" not in str(caught.value)


def test_dates_and_numbers_of_another_country_are_told_at_once(tmp_path: Any) -> None:
    path = tmp_path / "german.csv"
    path.write_text("t;a;b\n31.12.2023;1,5;2,5\n01.01.2024;1,5;2,5\n02.01.2024;2,5;1,5\n")
    with pytest.raises(UserError) as caught:
        read_rows(str(path), Reading(time="t"), Selection(("a", "b")))
    assert str(caught.value) == (
        f"{path}: time column 't' has '31.12.2023' in line 2: expected ISO dates, as in 2024-03-31; give --date-format "
        "%d.%m.%Y (German); and column 'a' has '1,5' in line 2: decimals are written with ',': give --decimal ,"
    )
    rows = read_rows(str(path), Reading(time="t", date_format="%d.%m.%Y", decimal=","), Selection(("a", "b")))
    assert rows.columns["b"].tolist() == [2.5, 2.5, 1.5]
