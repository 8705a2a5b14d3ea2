"""Text of others in terminals and spreadsheets."""

import io
import json

import pandas as pd
import pytest

from bench.analysis.table_files import csv_text
from bench.records.line import parse
from bench.records.plain import guarded, plain, unguarded


def test_a_terminal_gets_no_control_characters() -> None:
    assert plain("a\x1b[31mb\x9b2J\tc\nd\x07\u202e\x7f") == "a[31mb2J c\nd"


def test_a_record_comes_without_them() -> None:
    text = {"schema": 1, "key": "k", "stage": "search", "error": "\x1b[2J gone\nnext", "model": {"label": "\u202eurg"}}
    record = parse(1, 0, json.dumps(text).encode()).record
    assert record is not None
    assert (record["error"], record["model"]["label"]) == ("[2J gone\nnext", "urg")


@pytest.mark.parametrize("cell", ["=1+1", "+a", "-1", "@x", "\tx", "'quoted", "''", "plain", "a=b", "", 'Ω,"q"\nx'])
def test_what_is_guarded_is_no_formula_and_is_given_back(cell: str) -> None:
    assert guarded(cell)[:1] not in ("=", "+", "-", "@", "\t")
    assert unguarded(guarded(cell)) == cell


def test_a_table_goes_through_csv_and_pandas_unchanged_by_the_documented_rule() -> None:
    table = pd.DataFrame(
        {"task": ["=cmd()", "'a", "b"], "=evil": [1.5, -2.0, None], "n": pd.array([1, None, -3], "Int64")}
    )
    text = csv_text(table)
    assert text.splitlines()[0] == "task,'=evil,n"
    assert "-2.0" in text  # numbers are no formulas, and stay as they are
    read = pd.read_csv(io.StringIO(text), dtype={"n": "Int64"}).map(unguarded).rename(columns=unguarded)
    pd.testing.assert_frame_equal(read, table, check_dtype=False)
