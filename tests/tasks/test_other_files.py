"""What is no CSV is recognised; Parquet is read."""

from __future__ import annotations

import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest

from tasks.errors import UserError
from tasks.reading import Reading
from tasks.table import read_table


def test_an_excel_file_is_recognised(tmp_path):
    path = tmp_path / "load.xlsx"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(
        UserError, match=r"is an Excel workbook.*save it as CSV.*pip install openpyxl.*pandas.read_excel"
    ) as caught:
        read_table(path)
    assert ".to_csv('mended.csv', index=False)" in str(caught.value)


def test_the_line_of_pandas_unpacks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n3,4\n"))
    with pytest.raises(UserError, match=r"is compressed .gzip.") as caught:
        read_table("a.csv.gz")
    eval(str(caught.value).partition("in pandas: ")[2], {"pandas": pd})
    assert read_table("mended.csv").names == ("a", "b")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\xd0\xcf\x11\xe0xx", "Excel workbook of before 2007"),
        (b'[\n {"a": 1}]', "JSON"),
        (b"<html>\n", "HTML"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"%PDF-1.7\n", "PDF"),
        (b"SQLite format 3\0", "SQLite"),
    ],
)
def test_others_are_recognised(tmp_path, content, what):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UserError, match=what):
        read_table(tmp_path / "file")


@pytest.mark.parametrize("header", ["[temp];load", "<script>,b", "{a},b", "PAR,b"])
def test_column_names_with_brackets_are_no_other_format(tmp_path, header):
    (tmp_path / "t.csv").write_text(header + "\n" + "1;2\n" * 2 if ";" in header else header + "\n1,2\n1,2\n")
    assert len(read_table(tmp_path / "t.csv").names) == 2


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1xx")
    with pytest.raises(UserError, match=r"pyarrow is not installed: pip install 'bench.parquet.'"):
        read_table(tmp_path / "t.parquet")


def test_parquet_is_read_bit_for_bit(tmp_path):
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "t": pd.date_range("2024-01-01", periods=50, freq="h"),
        "load": rng.standard_normal(50) * 10.0 ** rng.integers(-300, 300, 50),
        "single": rng.standard_normal(50).astype(np.float32),
        "whole": rng.integers(0, 2**53, 50),
        "holiday": rng.integers(0, 2, 50).astype(bool),
        "gaps": np.where(np.arange(50) % 7 == 3, np.nan, 1.5),
        "day": ["mon", "tue"] * 25,
    })  # fmt: skip
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", Reading(time="t"))
    for name in ("load", "single", "whole", "holiday", "gaps"):
        np.testing.assert_array_equal(table.numbers(name), frame[name].to_numpy(float))
    np.testing.assert_array_equal(np.diff(table.times("t").values), 3600)
    assert table.categories("day") == frame["day"].tolist()
    comma = read_table(tmp_path / "t.parquet", Reading(decimal=","))
    np.testing.assert_array_equal(comma.numbers("load"), frame["load"])


def test_damaged_parquet_is_one_line(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + b"x" * 100 + b"PAR1")
    with pytest.raises(UserError, match="is no readable Parquet file") as caught:
        read_table(tmp_path / "t.parquet")
    assert "\n" not in str(caught.value)
