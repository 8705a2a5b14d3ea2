"""Numbers in text: exact, and refused with what mends them, which is then carried out."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.number_text import numbers
from tasks.reading import Reading
from tasks.table import read_table


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.sampled_from(".,"))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_what_is_written_is_read_exactly(values, decimal):
    texts = ["" if value is None else repr(value).replace(".", decimal) for value in values]
    found, wrong = numbers(texts, decimal)
    assert wrong is None
    np.testing.assert_array_equal(found, [math.nan if value is None else value for value in values])


@pytest.mark.parametrize(
    ("values", "flag"),
    [(["1,5", "2,25"], "--decimal ,"), (["1,5", "1234"], "--decimal ,"), (["0,125", "10,25"], "--decimal ,")],
)
def test_a_decimal_comma_is_mended_by_the_flag(tmp_path, values, flag):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n" + "".join(f"{value};0\n" for value in values))
    with pytest.raises(UserError, match=f"decimals are written with ',': give {flag}"):
        read_table(path).numbers("a")
    found = read_table(path, Reading(decimal=",")).numbers("a")
    np.testing.assert_array_equal(found, [float(value.replace(",", ".")) for value in values])


@pytest.mark.parametrize(
    ("values", "decimal", "expected"),
    [
        (["1,234.5", "999"], ".", [1234.5, 999]),
        (["1,234,567", "1,234"], ".", [1234567, 1234]),
        (["1.234,5", "999"], ".", [1234.5, 999]),
        (["1 234.5", "999"], ".", [1234.5, 999]),
        (["1'234.5", "999"], ".", [1234.5, 999]),
        (["1\u00a0234.5", "999"], ".", [1234.5, 999]),
        (["1.234,5", "999"], ",", [1234.5, 999]),
    ],
)
def test_the_line_of_pandas_mends_thousands(tmp_path, monkeypatch, values, decimal, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a;b\n" + "".join(f"{value};0\n" for value in values))
    with pytest.raises(UserError, match="thousands are separated; in pandas: ") as caught:
        read_table("t.csv", Reading(decimal=decimal)).numbers("a")
    line = str(caught.value).partition("in pandas: ")[2]
    eval(line, {"pandas": pd})
    np.testing.assert_array_equal(read_table("mended.csv").numbers("a"), expected)


def mended(message):
    """The table that a message's line of pandas writes."""
    eval(message.partition("in pandas: ")[2], {"pandas": pd})
    return read_table("mended.csv")


def test_the_line_for_thousands_keeps_dates_and_takes_words_for_gaps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["20.03.2024;1.005,9;7,75", "21.03.2024;n/v;-", "22.03.2024;999,5;0,5", "23.03.2024;;?"]
    (tmp_path / "t.csv").write_text("day;load;heat\n" + "".join(f"{row}\n" for row in rows))
    with pytest.raises(UserError, match="thousands are separated") as caught:
        read_table("t.csv", Reading(decimal=",")).numbers("load")
    table = mended(str(caught.value))
    assert table.text("day") == ["20.03.2024", "21.03.2024", "22.03.2024", "23.03.2024"]
    np.testing.assert_array_equal(table.numbers("load"), [1005.9, math.nan, 999.5, math.nan])
    np.testing.assert_array_equal(table.numbers("heat"), [7.75, math.nan, 0.5, math.nan])


def test_a_word_among_numbers_is_taken_for_a_gap_and_leaves_all_other_values_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("day;load\n01;1,50\n02;n/v\n03;2,25\n")
    with pytest.raises(UserError, match="'n/v' in line 3: expected a number, or an empty cell") as caught:
        read_table("t.csv", Reading(decimal=",")).numbers("load")
    table = mended(str(caught.value))
    assert table.text("day") == ["01", "02", "03"]
    assert table.text("load") == ["1,50", "", "2,25"]


def test_three_digits_after_a_comma_may_be_either(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1,234;0\n5,678;0\n")
    with pytest.raises(
        UserError, match="if ',' stands before the decimals, give --decimal ,; if it separates thousands"
    ):
        read_table(path).numbers("a")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["12 kWh", "3.5 kWh"], [12, 3.5]),
        (["5%", "-7.25%"], [5, -7.25]),
        (["€3.20", "€4"], [3.2, 4]),
        (["$1,200.50", "$3"], [1200.5, 3]),
        (["0,5 %", "12,25 %"], [0.5, 12.25]),
        (["1.200,50 €", "3 €"], [1200.5, 3]),
        (["1e5 W", "2.5E-3 W"], [1e5, 2.5e-3]),
        (["EUR 12.5", "EUR 3"], [12.5, 3]),
    ],
)
def test_the_line_of_pandas_takes_off_units(tmp_path, values, expected):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n" + "".join(f"{value};0\n" for value in values))
    with pytest.raises(UserError, match="expected a number without a unit; in pandas: ") as caught:
        read_table(path).numbers("a")
    frame = pd.read_csv(path, sep=";")
    exec(str(caught.value).partition("in pandas: ")[2], {"frame": frame})
    np.testing.assert_array_equal(frame["a"], expected)


def test_a_negative_number_in_brackets_is_not_mended_wrongly(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n(3.5),0\n4,0\n")
    with pytest.raises(UserError, match=r"has '\(3.5\)' in line 2: expected a number$"):
        read_table(path).numbers("a")


@pytest.mark.parametrize("values", [("mon", "tue"), ("A12", "B7"), ("Q 1", "X2")])
def test_words_and_names_with_numbers_are_offered_as_categories(tmp_path, values):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{value},0\n" for value in values))
    with pytest.raises(UserError, match="a column of words can be an input with --categorical a"):
        read_table(path).numbers("a")


def test_infinite_values_are_missing_where_gaps_are_filled(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,0\n-inf,0\n1e999,0\n")
    np.testing.assert_array_equal(read_table(path).numbers("a", infinite=True), [1, math.nan, math.nan])
    with pytest.raises(UserError, match="infinite value '-inf' in line 3: with --fill forward it counts as missing"):
        read_table(path).numbers("a")
