"""`bench predict`: from a run to predictions of a table, and what is refused."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import bench as package
from bench.analysis.saved_models import saved_models

Bench = Callable[..., Result]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints by model: of a table of two targets and a feature, and of tasks without a table."""
    folder = tmp_path_factory.mktemp("trained")
    write_table(folder / "table.csv", rows=120)
    runs = {
        "table": {"models": "gru,numpy_gru", "data": str(folder / "table.csv"), "target": "a,b", "features": "c"},
        "copy": {"models": "lstm", "tasks": "copy[delay=3,length=2]"},
        "sine": {"models": "gru", "tasks": "sine[per_step=true]"},
        "growth": {"models": "rnn", "tasks": "macro"},
        "dates": {"models": "rnn", "data": str(folder / "dates.csv"), "target": "a", "time": "day"},
        "numbered": {"models": "rnn", "data": str(folder / "numbered.csv"), "target": "a", "time": "row"},
    }
    write_dates(folder / "dates.csv", rows=120)
    write_table(folder / "numbered.csv", rows=120, columns="row,a", first=np.arange(1, 121))
    found: dict[str, Path] = {}
    for name, options in runs.items():
        window = {"window": "6", "horizon": "2"} if name in ("table", "dates", "numbered") else {}
        fixed = {"hidden_sizes": "4", "layers": "1", "lr_range": "0.01,0.01", "seeds": "1", "steps": "3"}
        experiment = package.resolve(
            {**options, **window, **fixed, "budget": "smoke", "executor": "inline", "name": name,
             "results": str(folder / "results")}
        )  # fmt: skip
        package.run(experiment)
        for path in (folder / "results" / name / "models").glob("*"):
            found[f"{name} {package.load_model(path).about['model']['name']}"] = path
    return found


def write_table(path: Path, rows: int, columns: str = "t,a,b,c", first: np.ndarray | None = None) -> np.ndarray:
    """Numbers with seven digits; returns them. first: the first column's, in place of random ones."""
    values = np.random.default_rng(0).normal(50, 10, (rows, 4)).round(5)
    if first is not None:
        values[:, 0] = first
    names = columns.split(",")
    path.write_text("\n".join([columns, *(",".join(map(str, row[: len(names)])) for row in values)]) + "\n")
    return values


def write_dates(path: Path, rows: int) -> None:
    """A day and a value in each row."""
    days, values = np.datetime64("2024-02-20") + np.arange(rows), np.random.default_rng(1).normal(size=rows)
    path.write_text("\n".join(["day,a", *(f"{day},{value}" for day, value in zip(days, values, strict=True))]) + "\n")


def test_predictions_have_the_times_of_their_rows(bench: Bench, folder: Path, trained: dict[str, Path]) -> None:
    write_dates(folder / "new.csv", rows=10)
    rows = list(csv.reader(bench("predict", str(trained["dates rnn"]), "new.csv").stdout.splitlines()))
    assert rows[0] == ["row", "day", "a"]
    assert [row[:2] for row in rows[1:]] == [
        ["8", "2024-02-27"],
        ["9", "2024-02-28"],
        ["10", "2024-02-29"],
        ["11", "2024-03-01"],  # after the last row of the file
        ["12", "2024-03-02"],
    ]


def test_a_time_column_that_is_called_row_is_not_written_twice(
    bench: Bench, folder: Path, trained: dict[str, Path]
) -> None:
    write_table(folder / "new.csv", rows=10, columns="row,a", first=np.arange(1, 11))
    lines = bench("predict", str(trained["numbered rnn"]), "new.csv").stdout.splitlines()
    assert lines[0] == "row,a"
    assert [line.partition(",")[0] for line in lines[1:]] == ["8", "9", "10", "11", "12"]


@pytest.mark.parametrize("model", ["gru", "numpy_gru"])
def test_every_row_with_a_window_is_predicted_in_its_own_units(
    bench: Bench, folder: Path, trained: dict[str, Path], model: str
) -> None:
    values = write_table(folder / "new.csv", rows=10)
    result = bench("predict", str(trained[f"table {model}"]), "new.csv")
    assert result.exit_code == 0
    rows = list(csv.reader(result.stdout.splitlines()))
    assert rows[0] == ["row", "a", "b"]
    assert [int(row[0]) for row in rows[1:]] == [8, 9, 10, 11, 12]  # windows of 6, two rows ahead
    windows = np.stack([values[i : i + 6, 1:] for i in range(5)])
    expected = package.load_model(trained[f"table {model}"])(windows)
    np.testing.assert_array_equal(np.array([row[1:] for row in rows[1:]], dtype=float), expected)
    assert 20 < expected.mean() < 80


def test_predictions_go_to_a_file(bench: Bench, folder: Path, trained: dict[str, Path]) -> None:
    write_table(folder / "new.csv", rows=7)
    path = str(trained["table gru"])
    result = bench("predict", path, "new.csv", "--output", "out.csv")
    assert result.stdout == ""
    assert (folder / "out.csv").read_text() == bench("predict", path, "new.csv").stdout


def test_a_per_step_model_and_one_of_growth_predict_too(bench: Bench, folder: Path, trained: dict[str, Path]) -> None:
    (folder / "s.csv").write_text("value\n" + "\n".join(str(np.sin(i / 50)) for i in range(12)))
    lines = bench("predict", str(trained["sine gru"]), "s.csv").stdout.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["row", "11", "12", "13"]
    rows = "\n".join(f"{100 * 1.01**i},{50 * 1.02**i},{20 * 1.03**i}" for i in range(10))
    (folder / "m.csv").write_text(f"realgdp,realcons,realinv\n{rows}")
    lines = bench("predict", str(trained["growth rnn"]), "m.csv").stdout.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["row", "10", "11"]


@pytest.mark.parametrize(
    ("checkpoint", "columns", "rows", "expected"),
    [
        ("table gru", "t,a,b", 10, ["has no column 'c'", "trained on the columns a, b, c", "the file has t, a, b"]),
        ("table gru", "t,a,b,c", 5, ["has 5 rows", "looks back at 6"]),
        ("copy lstm", "t,a,b,c", 10, ["trained on task copy", "not rows of a table", "bench.load_model"]),
        ("none.pt", "t,a,b,c", 10, ["none.pt does not exist", "results/NAME/models"]),
        ("new.csv", "t,a,b,c", 10, ["new.csv is no checkpoint of bench"]),
    ],
)
def test_what_does_not_fit_is_refused(
    refused: Callable[..., str],
    folder: Path,
    trained: dict[str, Path],
    checkpoint: str,
    columns: str,
    rows: int,
    expected: list[str],
) -> None:
    write_table(folder / "new.csv", rows, columns)
    line = refused("predict", str(trained.get(checkpoint, checkpoint)), "new.csv", "--output", "out.csv")
    for part in expected:
        assert part in line


@pytest.mark.parametrize("how", ["truncated", "gone"])
def test_the_message_on_a_damaged_model_has_the_command_that_makes_it_again(
    bench: Bench, folder: Path, how: str
) -> None:
    write_table(folder / "table.csv", rows=80)
    flags = ("--target", "a", "--models", "numpy_gru", "--window", "6", "--hidden-sizes", "4", "--layers", "1")
    tiny = ("--lr-range", "0.01,0.01", "--replicates", "1", "--steps", "3", "--budget", "smoke")
    run = ("run", "--data", "table.csv", *flags, *tiny, "--executor", "inline", "--name", "mine", "-q")
    assert bench(*run).exit_code == 0
    (path,) = Path("results/mine/models").iterdir()
    content, expected = path.read_bytes(), bench("predict", "mine").stdout
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
    for arguments in (("predict", "mine"), ("predict", str(path), "table.csv")):
        result = bench(*arguments)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        command = result.stderr.rpartition(" again: ")[2].strip()
        assert command == "python -m bench run --config results/mine/experiment.json --save-models"
    again = bench(*command.split()[3:])
    assert again.exit_code == 0, again.stderr
    assert bench("predict", "mine").stdout == expected


def test_a_missing_value_is_refused_with_its_line(bench: Bench, folder: Path, trained: dict[str, Path]) -> None:
    write_table(folder / "new.csv", rows=10)
    lines = (folder / "new.csv").read_text().splitlines()
    lines[4] = "1,2,,3"
    (folder / "new.csv").write_text("\n".join(lines))
    result = bench("predict", str(trained["table gru"]), "new.csv")
    assert "column 'b' misses 1 of 10 values (lines 5): fill them in" in result.stderr


def test_predict_and_export_say_which_model_they_use(bench: Bench, folder: Path) -> None:
    write_table(folder / "table.csv", rows=120)
    flags = ("--target", "a", "--models", "gru,rnn", "--window", "6", "--hidden-sizes", "4", "--layers", "1")
    tiny = ("--lr-range", "0.01,0.01", "--trials", "1", "--replicates", "5", "--steps", "3", "--budget", "smoke")
    run = bench("run", "--data", "table.csv", *flags, *tiny, "--executor", "inline", "--name", "mine", "-q")
    assert run.exit_code == 0
    said = bench("predict", "mine").stderr.splitlines()
    assert re.match(r"model  (gru|rnn), replicate 1, the best model by validation", said[0])
    loaded = package.load("mine")
    (verdict,) = loaded.verdicts
    assert verdict.need.state != "yes"  # noise, and 3 steps
    assert verdict.need.reference is not None
    name = verdict.need.reference.name
    assert said[1] == f"no net is known to beat {name}, a predictor without a net: --model {name} forecasts with it"
    first = loaded.summary.set_index("model").loc[["gru", "rnn"], "test_loss"].idxmin()
    other = {"gru": "rnn", "rnn": "gru"}[first]
    assert bench("predict", "mine", "--model", first).stderr.splitlines()[0] == f"model  {first}, replicate 1"
    line = bench("export", "mine", "--to", "x", "--model", other).stderr.splitlines()[0]
    assert line == f"model  {other}, replicate 1; --model {first} has the lower test loss"
    assert name in run.stdout
    answer = bench("predict", "mine", "--model", name)
    assert answer.exit_code == 0, answer.stderr
    assert answer.stdout.startswith("row,a,low,high\n121,")
    assert answer.stderr == f"model  {name}, replicate 1, fitted again on the experiment's table\n"
    refused = bench("export", "mine", "--to", "x", "--model", name)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert f"python -m bench predict mine --model {name} fits it again" in refused.stderr
    best = saved_models(loaded)[[one.model for one in saved_models(loaded)].index(first)]
    Path("results/mine", best.file).unlink()
    assert bench("predict", "mine", "--model", first).stderr.splitlines()[:2] == [
        f"model  {first}, replicate 2",
        "1 model of this experiment is lost or damaged; this makes it again: "
        "python -m bench run --config results/mine/experiment.json --save-models",
    ]
