"""Messages about files and flags, for who gave a DataFrame and keyword arguments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.config.in_python import in_python
from bench.config.options import OPTIONS, flag

FILE = Path("results/frames/y-1234.csv")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("repeat the last value with --fill forward", 'repeat the last value with fill="forward"'),
        ("--fill forward adds them, --resample D makes", 'fill="forward" adds them, resample="D" makes'),
        ("give --window 24 or less, or --match-tolerance 0.1.", "give window=24 or less, or match_tolerance=0.1."),
        ("give --horizons up to 12, or --horizons 1-24", 'give horizons up to 12, or horizons="1-24"'),
        ("--target 'a b', --features A,B: one", 'target="a b", features="A,B": one'),
        ("--sort sorts the rows, --until-settled adds some", "sort=True sorts the rows, until_settled=True adds some"),
        ("give --time-zone, not --time; --timezones", "give time_zone, not time; --timezones"),
        ("y-1234.csv has 'x' in line 2 and lines 3, 40, …", "the DataFrame has 'x' in row 0 and rows 1, 38, …"),
        (
            f"{FILE}: thousands are separated; in pandas: pandas.read_csv('{FILE}', thousands=',').to_csv('m.csv', "
            "index=False); go on",
            "the DataFrame: thousands are separated; .str.replace and pandas.to_numeric make numbers of text; go on",
        ),
        (
            "with --sort: python -m bench doctor --results results/a e; or --fill forward",
            'with sort=True: python -m bench doctor --results results/a e; or fill="forward"',
        ),
        ("unknown column 'q': Valid: y (the first line names them)", "unknown column 'q': Valid: y"),
    ],
)
def test_flags_files_and_lines_are_put_into_pythons_words(said: str, expected: str) -> None:
    assert in_python(said, FILE) == expected


@pytest.mark.parametrize("key", OPTIONS)
def test_every_flag_becomes_its_argument(key: str) -> None:
    found = in_python(f"give {flag(key)} or {flag(key)} 3, then go on", FILE)
    assert re.fullmatch(rf"give {key}(=True)? or {key}(=True )?=?3, then go on", found)
