"""A plain script, its weights and ONNX give bench's own forecasts, and a student can read the script."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx.reference import ReferenceEvaluator

from bench.training.checkpoint import load_model
from bench.training.data import load_data
from bench.training.export import export
from bench.training.forecast import forecast
from tasks.errors import UserError

from ...by_path import load_script
from .exports import trained

CASES: dict[str, dict[str, Any]] = {
    "gru": {"models": "gru", "target": "a,b", "features": "c"},
    "lstm": {
        "models": "lstm",
        "target": "a",
        "transform": "difference",
        "fill": "forward",
        "settings": {"num_layers": 2},
    },
    "rnn": {"models": "rnn", "target": "b", "horizons": "1,3", "transform": "growth"},
    "relu": {"models": "rnn[nonlinearity=relu]", "target": "a,c", "horizon": "2"},
    "numpy_gru": {"models": "numpy_gru", "target": "b", "transform": "log", "decimal": ","},
    "calendar": {"models": "gru", "target": "a", "time": "t", "calendar": "hour,weekday,month", "horizons": "1,2"},
    "known": {
        "models": "lstm",
        "target": "a",
        "time": "t",
        "known": "c",
        "categorical": "day",
        "fill": "forward",
        "transform": "growth",
        "horizon": "2",
    },
    "words": {"models": "rnn", "target": "b", "features": "c", "categorical": "day", "known": "day", "horizons": "1-3"},
    "hours": {
        "models": "gru",
        "target": "a,b",
        "time": "t",
        "resample": "h",
        "time_zone": "Europe/Berlin",
        "calendar": "hour",
    },
    "weeks": {
        "models": "gru",
        "target": "a",
        "time": "t",
        "resample": "W",
        "categorical": "day",
        "features": "c",
        "date_format": "%d.%m.%Y",
        "transform": "difference",
    },
    "sorted": {
        "models": "lstm",
        "target": "a",
        "time": "t",
        "time_zone": "Europe/Berlin",
        "sort": "true",
        "drop_duplicates": "true",
        "calendar": "hour",
    },
    "sorted days": {
        "models": "rnn",
        "target": "a",
        "time": "t",
        "time_zone": "Europe/Berlin",
        "sort": "true",
        "resample": "D",
        "calendar": "weekday",
    },
    "fortnights": {"models": "gru", "target": "b", "time": "t", "resample": "2W", "calendar": "month"},
    "two months": {
        "models": "gru",
        "target": "b",
        "time": "t",
        "resample": "2M",
        "fill": "forward",
        "categorical": "day",
        "horizons": "1-5",
    },
    "lacking hours": {
        "models": "gru",
        "target": "a",
        "features": "c",
        "time": "t",
        "time_zone": "Europe/Berlin",
        "fill": "forward",
        "transform": "difference",
    },
    "lacking months": {"models": "gru", "target": "a,b", "time": "t", "fill": "forward", "calendar": "month"},
    "lacking working days": {"models": "gru", "target": "a,b", "time": "t", "fill": "forward", "calendar": "weekday"},
    "lacking numbers": {"models": "gru", "target": "a,b", "time": "t", "fill": "forward", "transform": "log"},
    "dropout": {"models": "lstm", "target": "a", "settings": {"num_layers": 2, "dropout": 0.3, "init": "chrono"}},
}
# of the time column: how many rows there are, how far apart, and how they are written
TIMES = {
    "calendar": (120, "h", "%Y-%m-%d %H:%M:%S"),
    "known": (120, "h", "%Y-%m-%d %H:%M:%S"),
    "words": (120, "D", "%Y-%m-%d"),
    "hours": (360, "15min", "%Y-%m-%d %H:%M:%S"),
    "weeks": (630, "D", "%d.%m.%Y"),
    "sorted": (120, "h", "%Y-%m-%d %H:%M:%S"),
    "sorted days": (2400, "h", "%Y-%m-%d %H:%M"),
    "fortnights": (1400, "D", "%Y-%m-%d"),
    "two months": (4700, "D", "%Y-%m-%d"),
    "lacking hours": (120, "h", "%Y-%m-%d %H:%M:%S"),
    "lacking months": (120, "ME", "%Y-%m-%d"),
    "lacking working days": (120, "B", "%Y-%m-%d"),
}
ZONED = {"hours": "2024-03-29", "sorted": "2024-10-25", "sorted days": "2024-10-01", "lacking hours": "2024-10-25"}


def write_dated_table(path: Path, case: str) -> Path:
    """With a time, words, a gap that is filled, and three rows at the end whose targets are still to come."""
    rows, step, written = TIMES[case]
    a, b, c = np.random.default_rng(1).normal(50, 8, (3, rows)).round(4)
    zone = "Europe/Berlin" if case in ZONED else None
    start = pd.Timestamp(ZONED.get(case, "2024-01-01"), tz=zone)  # some days before clocks are changed
    time = pd.date_range(start, periods=rows, freq=step).strftime(written)
    day = np.random.default_rng(2).choice(["mon", "tue", "1"], rows)
    frame = pd.DataFrame({"t": time, "a": a, "b": b, "c": c, "day": day})
    if case == "known":
        frame.loc[50, ["a", "c"]] = np.nan
    if case in ("known", "words"):
        frame.loc[rows - 3 :, ["a", "b"]] = np.nan
    if case.startswith("lacking"):
        frame = frame.drop(index=[20, 21, 60, 61, 62, 63, 64])
        frame.loc[70, "a"] = np.inf
    if case == "two months":  # all rows of a period are missing
        frame = frame[~frame["t"].str.startswith(("2027-03", "2027-04"))]
    if case == "sorted":  # the newest row first, and one of them twice, but not beside itself
        frame = pd.concat([frame.iloc[[30]], frame.iloc[::-1]])
    frame.to_csv(path, index=False, encoding="utf-8-sig" if case == "calendar" else "utf-8")  # as a spreadsheet does
    return path


def write_table(path: Path, case: str) -> Path:
    if case in TIMES:
        return write_dated_table(path, case)
    a, b, c = np.random.default_rng(1).normal(50, 8, (3, 90)).round(4)
    lines = [",".join(map(str, row)) for row in zip(range(90), a, b, c, strict=True)]
    if case == "lacking numbers":
        del lines[50:54]
    if case == "lstm":
        lines[40] = lines[40].replace(str(a[40]), "")
    text = "\n".join(["t,a,b,c", *lines]) + "\n"
    path.write_text(text.replace(",", ";").replace(".", ",") if case == "numpy_gru" else text)
    return path


@pytest.fixture(scope="module", params=[*CASES])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder, case = tmp_path_factory.mktemp(request.param.replace(" ", "-")), request.param
    table, options = write_table(folder / "table.csv", case), dict(CASES[case])
    chosen = options.pop("settings", {})
    training, record, path = trained({**options, "window": "6", "data": str(table)}, folder, chosen)
    model, rows = load_model(path), record["origin"]["train_rows"]
    found = export(model, folder / "out", experiment="e", train_rows=rows, table=str(table))
    return {
        "case": case,
        "model": model,
        "table": table,
        "paths": found.paths,
        "folder": folder / "out",
        "training": training,
    }


def test_the_script_gives_bench_s_own_forecasts(exported: dict[str, Any]) -> None:
    plain = load_script(exported["folder"] / "model.py")
    found = plain.forecast(*plain.read(exported["table"]))
    expected = forecast([exported["model"]], str(exported["table"]))
    rows = [ahead - 1 for ahead in plain.HORIZONS]
    np.testing.assert_allclose(found, expected.values[rows], rtol=1e-6)


def test_onnx_gives_bench_s_own_forecasts(exported: dict[str, Any]) -> None:
    plain, model = load_script(exported["folder"] / "model.py"), exported["model"]
    values = plain.read(exported["table"])[0]
    values = values[np.isfinite(values).all(axis=1)]
    windows = np.lib.stride_tricks.sliding_window_view(values, plain.WINDOW, axis=0).swapaxes(1, 2)[-4:]
    graph = onnx.load(exported["folder"] / "model.onnx")
    onnx.checker.check_model(graph)
    if exported["case"] == "relu":
        return  # the reference evaluator of onnx 1.23 has no relu in its RNN
    (found,) = ReferenceEvaluator(graph).run(None, {"windows": np.ascontiguousarray(windows)})
    scale = np.array(model.columns.output_scale)
    np.testing.assert_allclose(found / scale, model(windows) / scale, atol=1e-6)


def test_the_script_is_short_and_knows_no_bench(exported: dict[str, Any]) -> None:
    text = (exported["folder"] / "model.py").read_text()
    assert len(text.splitlines()) <= 100
    assert max(map(len, text.splitlines())) <= 120
    assert "import bench" not in text
    assert "from bench" not in text


@pytest.mark.parametrize("exported", ["known", "dropout"], indirect=True)
def test_the_script_trains_and_forecasts_from_the_command_line(exported: dict[str, Any], tmp_path: Path) -> None:
    for name in ("model.py", "weights.pt"):
        (tmp_path / name).write_bytes((exported["folder"] / name).read_bytes())
    command = [sys.executable, str(tmp_path / "model.py"), str(exported["table"]), "--train"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "validation loss" in done.stdout
    assert re.search(r"^(1 row|\d+ rows) ahead: ", done.stdout, re.MULTILINE)
    nothing = subprocess.run(command[:2], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert nothing.returncode == 1
    assert "FILE [--train]" in nothing.stderr
    assert (tmp_path / "weights.pt").read_bytes() != (exported["folder"] / "weights.pt").read_bytes()


def test_the_windows_of_the_script_are_those_of_the_training(exported: dict[str, Any]) -> None:
    """In training and validation, bench's own windows lie where the script looks for them."""
    plain, model, training = load_script(exported["folder"] / "model.py"), exported["model"], exported["training"]
    windows, came, *counted = plain.examples(*plain.read(exported["table"]))
    dataset, columns = load_data(training.task, training.seed, training.replicate), model.columns
    first = training.task.origin.train_rows - plain.WINDOW
    parts = slice(0, first - plain.HORIZONS[-1] + 1), slice(first, first + len(dataset.valid))
    text = (exported["folder"] / "model.py").read_text()
    assert f"slice({first}, {first + len(dataset.valid)})" in text
    assert f"torch.randperm({len(dataset.train)}).split(" in text
    for part, split in zip(parts, (dataset.train, dataset.valid), strict=True):
        standard = (windows[part].numpy() - np.array(columns.input_mean)) / np.array(columns.input_scale)
        np.testing.assert_allclose(standard, split.inputs, atol=1e-5)
        standard = (came[part].numpy() - np.array(columns.output_mean)) / np.array(columns.output_scale)
        np.testing.assert_allclose(standard, split.targets, atol=1e-5)
        if split.measured is not None:
            np.testing.assert_array_equal(counted[0][part].numpy(), split.measured)


def test_what_a_short_script_cannot_do_is_refused_and_nothing_is_written(
    exported: dict[str, Any], tmp_path: Path
) -> None:
    model = exported["model"]
    about = {**model.about, "model": {**model.about["model"], "name": "mingru"}}
    other = replace(model, about=about)
    with pytest.raises(UserError, match="model mingru is no layer of PyTorch: export takes gru, lstm"):
        export(other, tmp_path / "out", experiment="e", train_rows=50, table=str(exported["table"]))
    low = replace(model, about={**model.about, "settings": {**model.about["settings"], "precision": "bfloat16"}})
    with pytest.raises(UserError, match="trained with --precision bfloat16, and a plain script computes in float32"):
        export(low, tmp_path / "out", experiment="e", train_rows=50, table=str(exported["table"]))
    if exported["case"] == "known":  # a time that lies beside the grid, which bench takes for that of the grid
        lines = exported["table"].read_text().splitlines()
        lines[60] = lines[60].replace(":00:00,", ":00:07,")
        (tmp_path / "beside.csv").write_text("\n".join(lines) + "\n")
        with pytest.raises(
            UserError,
            match=r"reads .*beside.csv otherwise than bench does \(from row 57 of its inputs on\): use predict",
        ):
            export(model, tmp_path / "out", experiment="e", train_rows=50, table=str(tmp_path / "beside.csv"))
    if exported["case"] == "calendar":  # with their offsets, dates of summer and winter are no one column of pandas
        lines = exported["table"].read_text().splitlines()
        lines[1:] = [line.replace(",", f"+0{2 - (i > 60)}:00,", 1) for i, line in enumerate(lines[1:])]
        text = "\n".join(lines) + "\n"
        (tmp_path / "offsets.csv").write_text(text)
        with pytest.raises(UserError, match=r"cannot read .*offsets.csv \(.*\): use predict"):
            export(model, tmp_path / "out", experiment="e", train_rows=50, table=str(tmp_path / "offsets.csv"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("exported", ["gru", "lstm"], indirect=True)  # without and with --fill
def test_rows_at_the_end_without_a_target_are_not_rows_to_look_at(exported: dict[str, Any], tmp_path: Path) -> None:
    later = tmp_path / "later.csv"
    later.write_text(exported["table"].read_text() + "90,,,5\n91,,,6\n")
    plain = load_script(exported["folder"] / "model.py")
    before, after = (plain.forecast(*plain.read(path)) for path in (exported["table"], later))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("exported", ["gru"], indirect=True)
@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("model", "label"),
        *(("training", name) for name in ("steps", "batch_size", "schedule", "warmup", "evaluation_interval")),
        ("training", "plateau_patience"),
        ("", "experiment"),
    ],
)
def test_no_text_of_a_checkpoint_is_code_in_the_script(exported: dict[str, Any], part: str, name: str) -> None:
    """A checkpoint may come from anybody, and the script is run once before it is handed over."""
    hostile = '1"""\nraise SystemExit("it ran")\n"""\0\udc80\\'
    model, folder = exported["model"], exported["folder"].parent / f"hostile-{name}"
    about = {**model.about, part: {**model.about.get(part, {}), name: hostile}}
    options = {"experiment": hostile if name == "experiment" else "e", "train_rows": 50}
    hostile_model = replace(model, about=about)
    if part == "training":
        with pytest.raises(UserError, match=f"is a damaged checkpoint: its {name} is"):
            export(hostile_model, folder, table=str(exported["table"]), **options)
        assert not folder.exists()
    else:
        export(hostile_model, folder, table=str(exported["table"]), **options)
        assert 'SystemExit("it ran")' in str(load_script(folder / "model.py").__doc__)
