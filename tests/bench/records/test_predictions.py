"""What confirmed trainings predicted, kept beside the records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.config.resolve import resolve
from bench.experiment.run import run
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.records.atomic import FILES, write_kept_files
from bench.records.predictions import LARGEST, Predictions, load_predictions, pack, pack_references
from bench.records.predictions import load_references as read_references
from bench.report.figures.architecture import architecture
from bench.training.data import load_data, load_references
from bench.training.jobs import TrainingJob
from bench.training.request import Training
from tasks.registry import TASKS
from tasks.series import Series


def kept(tmp_path: Path, task: str, model: str = "gru", **settings: int) -> tuple[Predictions, Training]:
    """Train for three steps, keep the predictions, and read them."""
    training = Training(
        TASKS.create(task), MODELS.create(model), Settings(**{"hidden_size": 4, **settings}), 32, 3, replicate=1
    )
    record = TrainingJob(training, examine=True).perform(lambda *evaluation: None)
    assert set(record[FILES]) == {f"predictions/{record['key']}.npz"}
    write_kept_files(tmp_path, record)
    assert FILES not in record
    found = load_predictions(tmp_path, record["key"])
    assert found is not None
    return found, training


def test_predictions_are_those_that_were_scored(tmp_path: Path) -> None:
    found, training = kept(tmp_path, "sine")
    targets = load_data(training.task, 0, 1).test.targets
    np.testing.assert_array_equal(found.targets, targets)
    assert found.outputs.shape == targets.shape
    assert found.names == ("value",)
    assert found.steps == 10


@pytest.mark.parametrize("model", ["gru", "lstm", "rnn", "numpy_gru"])
def test_the_layers_are_those_of_the_network(tmp_path: Path, model: str) -> None:
    found, _ = kept(tmp_path, "regression", model, num_layers=2)
    assert [(layer.name, layer.inputs, layer.outputs) for layer in found.layers] == [
        (f"{model} 1", 3, 4),
        (f"{model} 2", 4, 4),
        ("head", 4, 3),
    ]
    gates = {"gru": 3, "numpy_gru": 3, "lstm": 4, "rnn": 1}[model]
    assert [layer.parameters for layer in found.layers] == [gates * 4 * (4 + 3 + 2), gates * 4 * (4 + 4 + 2), 15]


def test_a_series_is_kept_in_its_own_units(tmp_path: Path) -> None:
    found, training = kept(tmp_path, "sunspots")
    split, columns = load_data(training.task, 0, 1).test, training.task.columns
    assert columns is not None
    expected = split.targets * columns.output_scale[0] + columns.output_mean[0]
    np.testing.assert_allclose(found.targets, expected, rtol=1e-5)
    assert found.targets.max() > 50  # sunspots, not standard deviations


def test_a_value_that_was_filled_in_is_a_gap_of_models_and_references(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal(100).cumsum().astype(str)
    values[[95, 97]] = ""
    (tmp_path / "gappy.csv").write_text("a,b\n" + "\n".join(f"{value},1" for value in values) + "\n")
    found, training = kept(tmp_path, f"series[data={tmp_path / 'gappy.csv'},targets=a,window=4,fill=forward]")
    assert isinstance(training.task, Series)
    filled = [row in (95, 97) for row in training.task.origins.target_rows(training.task.block)[2]]
    assert sum(filled) == 2
    np.testing.assert_array_equal(np.isnan(found.targets[:, 0]), filled)
    test = load_data(training.task, 0, 1).test
    content = pack_references(training.task.at(1), test, load_references(training.task, 0, 1))
    assert content is not None
    (tmp_path / "predictions" / "r.npz").write_bytes(content)
    beside = read_references(tmp_path, "r")
    assert beside is not None
    np.testing.assert_array_equal(np.isnan(beside.targets[:, 0]), filled)
    assert np.isfinite(found.outputs).all()
    assert all(np.isfinite(outputs).all() for outputs in beside.outputs.values())


def test_classes_are_kept_as_classes_and_large_predictions_are_cut(tmp_path: Path) -> None:
    found, training = kept(tmp_path, "copy[delay=50,length=10]")
    steps = load_data(training.task, 0, 1).test.targets.shape[1]
    assert found.classes
    assert found.targets.dtype.kind == "i"
    assert found.outputs.shape == found.targets.shape == (LARGEST // steps, steps)


def test_a_mask_is_kept(tmp_path: Path) -> None:
    found, training = kept(tmp_path, "cogscale[task=adding_problem]")
    np.testing.assert_array_equal(found.mask, load_data(training.task, 0, 1).test.mask)


@pytest.mark.parametrize("content", [None, b"", b"no zip", b"PK\x03\x04 torn"])
def test_what_is_missing_or_damaged_is_none(tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "predictions").mkdir()
    if content is not None:
        (tmp_path / "predictions" / "k.npz").write_bytes(content)
    assert load_predictions(tmp_path, "k") is None


def test_a_search_trial_keeps_nothing() -> None:
    training = Training(TASKS.create("sine"), MODELS.create("gru"), Settings(4), 32, 3, 0, on_test_data=False)
    assert FILES not in TrainingJob(training, True, True).perform(lambda *evaluation: None)


def test_a_fresh_run_throws_away_what_an_earlier_one_kept(tmp_path: Path) -> None:
    fixed = {"hidden_sizes": "4", "layers": "1", "lr_range": "0.01,0.01", "seeds": "1", "steps": "2", "models": "rnn"}
    options = {**fixed, "tasks": "sine", "executor": "inline", "save_models": True, "results": str(tmp_path)}
    folder = run(resolve({**options, "name": "e", "seed": "1"})).results_folder
    before = {path.name for path in folder.glob("*/*")}
    run(resolve({**options, "name": "e", "seed": "2"}), fresh=True)
    after = {path.name for path in folder.glob("*/*")}
    assert len(before) == len(after) == 2
    assert not before & after


@pytest.mark.parametrize("state", [{"w": np.ones((3, 4))}, {"head.weight": np.ones(3)}, {"head.weight": np.float64(2)}])
def test_an_unknown_layout_of_weights_draws_no_diagram_and_says_so(tmp_path: Path, state: dict[str, Any]) -> None:
    _, training = kept(tmp_path, "regression")
    split = load_data(training.task, 0, 1).test
    content = pack(training.task, split, np.zeros_like(split.targets), state, "mine")
    (tmp_path / "predictions" / "unknown.npz").write_bytes(content)
    found = load_predictions(tmp_path, "unknown")
    assert found is not None
    assert found.layers == ()
    assert "No diagram" in architecture(Figure().add_subplot(), found)
