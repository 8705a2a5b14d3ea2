"""docs/forecasting.md, run from top to bottom: five series from a file to a forecast, an export and a DataFrame."""

from __future__ import annotations

import contextlib
import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from bench.cli import main

pytest.importorskip("statsmodels", reason="carries the series (extra: data)")

PAGE = Path(__file__).parents[2] / "docs" / "forecasting.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SMALL = ["--budget", "smoke", "--steps", "10", "--executor", "inline"]
pytestmark = pytest.mark.slow

Done = dict[str, Result]


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if found == kind]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def done(folder: Path) -> Done:
    """What every command of the page did, by its text; bench's own in this process, which has loaded torch."""
    found: Done = {}
    with contextlib.chdir(folder):
        subprocess.run([sys.executable, "-c", blocks("python")[0]], check=True)
        for line in "".join(blocks("console")).splitlines():
            words = shlex.split(line)
            if words[1:3] == ["-m", "bench"]:
                found[line] = CliRunner().invoke(main, [*words[3:], *(SMALL if words[3] == "run" else [])])
            else:
                found[line] = Result(
                    CliRunner(), subprocess.check_output([sys.executable, *words[1:]]), b"", b"", None, 0, None
                )
    return found


def test_every_command_does_what_it_says(done: Done) -> None:
    assert len(done) == 15
    for line, result in done.items():
        assert result.exit_code == 0, f"{line}\n{result.output}"


def test_a_run_ends_with_a_predict_line_that_works_as_it_stands(done: Done, folder: Path) -> None:
    ends = [result.stdout.splitlines()[-1] for line, result in done.items() if " run " in line]
    assert len(ends) == 6
    with contextlib.chdir(folder):
        for end in ends[:2]:
            assert end.startswith("to forecast: python -m bench predict ")
            words = shlex.split(end.removeprefix("to forecast: "))
            assert CliRunner().invoke(main, words[3:]).exit_code == 0


def test_the_next_model_extends_the_experiment(done: Done) -> None:
    (extended,) = [result for line, result in done.items() if "numpy_gru" in line]
    assert re.search(
        r"\d+ trainings \(\d+ found in the records\) and \d+ measurements \(\d+ found\) in ", extended.stderr
    )


@pytest.mark.parametrize(
    ("command", "times", "targets"),
    [
        ("predict nile nile.csv --steps 5", ["1971", "1972", "1973", "1974", "1975"], ["volume"]),
        ("predict macro", ["2009-10-01", "2010-01-01", "2010-04-01", "2010-07-01"], ["realgdp", "realcons"]),
        ("predict elnino", [f"2011-{month:02}-01" for month in range(1, 13)], ["temperature"]),
        ("predict sunspots", [str(year) for year in range(2009, 2020)], ["SUNACTIVITY"]),
    ],
)
def test_forecasts_go_on_as_the_calendar_does(done: Done, command: str, times: list[str], targets: list[str]) -> None:
    (result,) = [result for line, result in done.items() if command in line]
    header, *rows = csv.reader(result.stdout.splitlines())
    ends = [""] if len(targets) == 1 else [f"_{name}" for name in targets]
    assert header[1:] == [
        column for name, end in zip(targets, ends, strict=True) for column in (name, "low" + end, "high" + end)
    ]
    assert [row[0] for row in rows] == times
    for row in rows:
        for value, low, high in zip(row[1::3], row[2::3], row[3::3], strict=True):
            assert np.isfinite(float(value))
            assert not low or float(low) <= float(value) <= float(high)


def test_weeks_go_on_and_missing_ones_were_filled(done: Done, folder: Path) -> None:
    found = pd.read_csv(folder / "co2_forecast.csv", parse_dates=["date"])
    assert found["date"].tolist() == pd.date_range("2002-01-05", periods=26, freq="7D").tolist()
    assert found["co2"].between(300, 420).all()  # in its own units
    assert (found["high"] - found["low"]).iloc[-1] > (found["high"] - found["low"]).iloc[0] > 0


def test_the_exported_script_forecasts_what_bench_does(done: Done) -> None:
    exported = next(result for line, result in done.items() if line.startswith("python nile_model"))
    assert re.search(r"1 row ahead: \{'volume': [\d.]+\}", exported.stdout)


def test_the_same_in_python(folder: Path, done: Done, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(folder)
    text = blocks("python")[1].replace('name="volume"', 'name="volume", budget="smoke", executor="inline"')
    names: dict[str, Any] = {}
    exec(compile(text, str(PAGE), "exec"), names)
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) < 80
    forecast = names["found"].best.predict(names["frame"], steps=5)
    assert forecast.index.tolist() == [1971, 1972, 1973, 1974, 1975]
    assert list(forecast.columns) == ["volume", "low", "high"]
    assert (folder / "reports" / "volume" / "index.html").exists()
