"""A table as people have it, from the command line to the report: refused before anything is written, then mended."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

Bench = Callable[..., Result]
CASE = (
    "run",
    "--data",
    "load.csv",
    "--target",
    '"load, MW"',
    "--time",
    "day",
    "--models",
    "numpy_gru",
    "--budget",
    "smoke",
)
TINY = (
    "--steps",
    "5",
    "--hidden-sizes",
    "4",
    "--layers",
    "1",
    "--lr-range",
    "0.01,0.01",
    "--executor",
    "inline",
    "--name",
    "n",
)


@pytest.fixture
def table(folder: Path) -> Path:
    """German numbers and dates, a column's name with a comma, a day missing, an infinite value, holidays."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "day": pd.date_range("2024-01-01", periods=120).strftime("%d.%m.%Y"),
        "load, MW": rng.normal(50, 5, 120).round(2),
        "holiday": rng.integers(0, 2, 120),
    })  # fmt: skip
    frame.loc[60, "load, MW"] = np.inf
    frame.drop(index=50).to_csv(folder / "load.csv", index=False, sep=";", decimal=",")
    return folder


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--decimal", ".", "--delimiter", "."), "--delimiter and --decimal are both '.'"),
        (("--delimiter", "."), "--delimiter and --decimal are both '.'"),
        (("--decimal", ",", "--delimiter", "comma"), "--delimiter and --decimal are both ','"),
        (("--date-format", ""), "--date-format is '': expected codes of strptime, as in %d.%m.%Y"),
        (("--date-format", "today"), "--date-format is 'today': expected codes of strptime"),
        (("--date-format", "%Y-%Y"), "--date-format is '%Y-%Y': it has a code twice"),
        (("--features", "holi\x07day"), "--features has 'holi\\x07day', with characters that cannot be printed"),
        (("--known", "holi\x1b[2Jday"), "so give 'holi[2Jday'"),
    ],
)
def test_flags_that_make_no_sense_are_one_line(bench: Bench, table: Path, flags: tuple[str, ...], said: str) -> None:
    result = bench(*CASE, *TINY, *flags)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in table.iterdir()] == ["load.csv"]


def test_a_column_s_name_in_a_config_may_hold_no_nul(bench: Bench, table: Path) -> None:
    (table / "e.toml").write_text('data = "load.csv"\ntarget = ["lo\\u0000ad"]\n')
    result = bench("run", "--config", "e.toml")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --target has 'lo\\x00ad', with characters that cannot be printed")
    assert len(result.stderr.splitlines()) == 1


def test_each_refusal_names_the_flag_that_leads_on(bench: Bench, table: Path) -> None:
    flags: tuple[str, ...] = ()
    for refused, flag in (
        ("give --date-format %d.%m.%Y (German)", ("--date-format", "%d.%m.%Y")),
        ("decimals are written with ',': give --decimal ,", ("--decimal", ",")),
        ("with --fill forward it counts as missing", ("--fill", "forward")),
    ):
        result = bench(*CASE, *TINY, *flags)
        assert result.exit_code == 2
        assert refused in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert [path.name for path in table.iterdir()] == ["load.csv"]  # nothing was written
        flags += flag
    more = ("--known", "holiday", "--calendar", "weekday,month", "--horizons", "1,3", "--transform", "log")
    result = bench(*CASE, *TINY, *flags, *more)
    assert result.exit_code == 0, result.stderr
    assert "1 of 120 daily rows are missing: added and filled forward" in result.stderr
    trainings = pd.read_csv(table / "results" / "n" / "trainings.csv")
    assert {"rmse_load, MW", "mae_load, MW_h1", "rmse_load, MW_h3"} <= set(trainings.columns)
    page = (table / "reports" / "n" / "report.md").read_text()
    assert "## Error by horizon" in page
    # the run's own settings read the same table again
    manifest = json.loads((table / "results" / "n" / "experiment.json").read_text())
    assert manifest["experiment"]["target"] == ["load, MW"]
    again = bench("run", "--config", "results/n/experiment.json")
    assert again.exit_code == 0, again.stderr


def test_a_horizon_says_what_it_means(bench: Bench, table: Path) -> None:
    flags = ("--date-format", "%d.%m.%Y", "--decimal", ",", "--fill", "forward", "--horizon", "3", "--replicates", "1")
    result = bench(*CASE, *TINY, *flags)
    assert (
        "each forecast is of one row, 3 rows after the last that it sees; --horizons 1-3 forecasts all" in result.stderr
    )


@pytest.mark.parametrize("flag", ["--sort", "--decimal", "--known", "--horizons", "--resample"])
def test_flags_of_a_table_need_one(bench: Bench, flag: str) -> None:
    result = bench("run", flag, *([] if flag == "--sort" else ["1"]))
    assert result.exit_code == 2
    assert f"{flag} belongs to a CSV file: give --data FILE.csv as well" in result.stderr


def test_the_first_commands_of_the_page_work_as_they_stand(bench: Bench, folder: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "own_data.md"
    commands = page.read_text(encoding="utf-8").split("```console\n")[1].split("```")[0].splitlines()
    assert [shlex.split(command)[3] for command in commands] == ["run", "predict", "export"]
    for command in commands:
        more = ("--steps", "5", "--executor", "inline") if " run " in command else ()
        done = bench(*shlex.split(command)[3:], *more)
        assert done.exit_code == 0, done.output
    assert (folder / "sunspots_model" / "model.py").exists()
    assert bench("predict", "sunspots", "sunspots_annual.csv").stdout.startswith("year,sunspots,low,high\n2009,")
