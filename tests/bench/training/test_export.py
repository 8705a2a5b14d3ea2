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

import bench
from bench.training.export import export
from bench.training.forecast import forecast
from bench.training.kept import best_models, rows_trained_on
from tasks.errors import UserError

from ...by_path import load_script

CASES: dict[str, dict[str, Any]] = {
    "gru": {"models": "gru", "target": "a,b", "features": "c"},
    "lstm": {"models": "lstm", "target": "a", "layers": "2", "transform": "difference", "fill": "forward"},
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
}
# of the time column: how many rows there are, how far apart, and how they are written
TIMES = {
    "calendar": (120, "h", "%Y-%m-%d %H:%M:%S"),
    "known": (120, "h", "%Y-%m-%d %H:%M:%S"),
    "words": (120, "D", "%Y-%m-%d"),
    "hours": (360, "15min", "%Y-%m-%d %H:%M:%S"),
    "weeks": (630, "D", "%d.%m.%Y"),
}
FIXED = {"hidden_sizes": "5", "lr_range": "0.01,0.01", "replicates": 2, "trials": 1, "steps": 20, "window": 6}


def write_dated_table(path: Path, case: str) -> Path:
    """With a time, words, a gap that is filled, and three rows at the end whose targets are still to come."""
    rows, step, written = TIMES[case]
    a, b, c = np.random.default_rng(1).normal(50, 8, (3, rows)).round(4)
    zone = "Europe/Berlin" if case == "hours" else None
    start = pd.Timestamp("2024-03-29" if zone else "2024-01-01", tz=zone)  # two days before clocks are set forward
    time = pd.date_range(start, periods=rows, freq=step).strftime(written)
    day = np.random.default_rng(2).choice(["mon", "tue", "1"], rows)
    frame = pd.DataFrame({"t": time, "a": a, "b": b, "c": c, "day": day})
    if case == "known":
        frame.loc[50, ["a", "c"]] = np.nan
    if case in ("known", "words"):
        frame.loc[rows - 3 :, ["a", "b"]] = np.nan
    frame.to_csv(path, index=False)
    return path


def write_table(path: Path, case: str) -> Path:
    if case in TIMES:
        return write_dated_table(path, case)
    a, b, c = np.random.default_rng(1).normal(50, 8, (3, 90)).round(4)
    lines = [",".join(map(str, row)) for row in zip(range(90), a, b, c, strict=True)]
    if case == "lstm":
        lines[40] = lines[40].replace(str(a[40]), "")
    text = "\n".join(["t,a,b,c", *lines]) + "\n"
    path.write_text(text.replace(",", ";").replace(".", ",") if case == "numpy_gru" else text)
    return path


@pytest.fixture(scope="module", params=[*CASES])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder, case = tmp_path_factory.mktemp(request.param), request.param
    table = write_table(folder / "table.csv", case)
    options = {"layers": "1", **CASES[case], **FIXED, "data": str(table), "executor": "inline", "name": "e"}
    bench.run(bench.resolve({**options, "budget": "smoke", "results": str(folder / "results")}))
    results = bench.load("e", folder / "results")
    (model,) = best_models(results)
    rows = rows_trained_on(results, model)
    found = export(model, folder / "out", experiment="e", train_rows=rows, table=str(table))
    return {"case": case, "model": model, "table": table, "paths": found.paths, "folder": folder / "out"}


def test_the_script_gives_bench_s_own_forecasts(exported: dict[str, Any]) -> None:
    plain = load_script(exported["folder"] / "model.py")
    found = plain.forecast(*plain.read(exported["table"]))
    expected = forecast([exported["model"]], str(exported["table"]))
    rows = [ahead - 1 for ahead in plain.HORIZONS]
    np.testing.assert_allclose(found, expected.values[rows], rtol=1e-6)


def test_onnx_gives_bench_s_own_forecasts(exported: dict[str, Any]) -> None:
    plain, model = load_script(exported["folder"] / "model.py"), exported["model"]
    values, _ = plain.read(exported["table"])
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
    assert len(text.splitlines()) < 100
    assert max(map(len, text.splitlines())) <= 120
    assert "import bench" not in text
    assert "from bench" not in text


def test_the_script_trains_as_the_search_chose(exported: dict[str, Any], tmp_path: Path) -> None:
    for name in ("model.py", "weights.pt"):
        (tmp_path / name).write_bytes((exported["folder"] / name).read_bytes())
    command = [sys.executable, str(tmp_path / "model.py"), str(exported["table"]), "--train"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "validation loss" in done.stdout
    assert re.search(r"^(1 row|\d+ rows) ahead: ", done.stdout, re.MULTILINE)
    nothing = subprocess.run(command[:2], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert nothing.returncode == 1
    assert "FILE.csv [--train]" in nothing.stderr
    assert (tmp_path / "weights.pt").read_bytes() != (exported["folder"] / "weights.pt").read_bytes()


def test_the_windows_of_the_script_are_those_of_the_training(exported: dict[str, Any]) -> None:
    """The newest validation windows lie where the script looks for them."""
    plain, model = load_script(exported["folder"] / "model.py"), exported["model"]
    windows, wanted = plain.examples(*plain.read(exported["table"]))
    first = plain.TRAIN_ROWS - plain.WINDOW
    later = slice(first, first + plain.VALID_WINDOWS)
    packed = model.about["validation"]
    scale, mean = np.array(model.columns.output_scale), np.array(model.columns.output_mean)
    np.testing.assert_allclose((wanted[later].numpy() - mean) / scale, packed["targets"], atol=1e-5)
    standard = (windows[first].numpy() - np.array(model.columns.input_mean)) / np.array(model.columns.input_scale)
    np.testing.assert_allclose(standard, packed["rows"][: plain.WINDOW], atol=1e-5)


def test_what_a_short_script_cannot_do_is_refused_and_nothing_is_written(
    exported: dict[str, Any], tmp_path: Path
) -> None:
    model = exported["model"]
    about = {**model.about, "model": {**model.about["model"], "name": "mingru"}}
    other = replace(model, about=about)
    with pytest.raises(UserError, match="model mingru is no layer of PyTorch: export takes gru, lstm"):
        export(other, tmp_path / "out", experiment="e", train_rows=50, table=str(exported["table"]))
    if exported["case"] == "lstm":  # an infinite value, which bench takes for a gap
        lines = exported["table"].read_text().splitlines()
        lines[-2] = ",".join(["88", "inf", *lines[-2].split(",")[2:]])
        (tmp_path / "inf.csv").write_text("\n".join(lines) + "\n")
        with pytest.raises(UserError, match="does not forecast what bench does"):
            export(model, tmp_path / "out", experiment="e", train_rows=50, table=str(tmp_path / "inf.csv"))
    if exported["case"] == "hours":
        for change, said in (
            ({"sort": True}, "--sort and --time-zone, and pandas cannot sort the hour that comes twice: use predict"),
            ({"resample": "2W"}, "--resample '2W', and pandas begins periods of several weeks or months elsewhere"),
        ):
            other = replace(model, columns=replace(model.columns, reading=replace(model.columns.reading, **change)))
            with pytest.raises(UserError, match=re.escape(said)):
                export(other, tmp_path / "out", experiment="e", train_rows=50, table=str(exported["table"]))
    assert not (tmp_path / "out").exists()


def test_rows_at_the_end_without_a_target_are_not_rows_to_look_at(exported: dict[str, Any], tmp_path: Path) -> None:
    if exported["case"] not in ("gru", "lstm"):
        pytest.skip("one with and one without --fill is enough")
    later = tmp_path / "later.csv"
    later.write_text(exported["table"].read_text() + "90,,,5\n91,,,6\n")
    plain = load_script(exported["folder"] / "model.py")
    before, after = (plain.forecast(*plain.read(path)) for path in (exported["table"], later))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("part", "name"), [("model", "label"), ("training", "steps"), ("training", "batch_size"), ("", "experiment")]
)
def test_no_text_of_a_checkpoint_is_code_in_the_script(exported: dict[str, Any], part: str, name: str) -> None:
    """A checkpoint may come from anybody, and the script is run once before it is handed over."""
    if exported["case"] != "gru":
        pytest.skip("one case is enough")
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
