"""Checkpoints: bit for bit there and back, and nothing in a file is ever run."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bench
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.records.atomic import write_kept_files
from bench.training.checkpoint import load_model
from bench.training.data import load_data
from bench.training.jobs import TrainingJob
from bench.training.request import Training
from bench.training.train import build_learner
from tasks.errors import UserError
from tasks.registry import TASKS

MODELS_UNDER_TEST = ["gru", "lstm", "rnn", "rnn[nonlinearity=relu]", "numpy_gru", "numpy_gru[reset_after=false]"]


def saved(tmp_path: Path, model: str = "gru", task: str = "sine", **settings: Any) -> tuple[Path, Training, Any]:
    training = Training(
        TASKS.create(task),
        MODELS.create(model),
        Settings(**{"hidden_size": 5, "learning_rate": 0.01, "num_layers": 2, **settings}),
        batch_size=32,
        steps=5,
        replicate=1,
    )
    record = TrainingJob(training, keep_model=True).perform(lambda *evaluation: None)
    write_kept_files(tmp_path, record)
    (path,) = (tmp_path / "models").glob(f"{record['key']}.*")
    return path, training, record


@pytest.mark.parametrize("model", MODELS_UNDER_TEST)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_round_trip_is_exact(tmp_path: Path, model: str, dtype: Any) -> None:
    path, training, record = saved(tmp_path, model, dtype=dtype)
    loaded = load_model(path)
    dataset = load_data(training.task, 0, 1)
    again = build_learner(training, dataset)
    again.load_state(loaded.learner.state())  # weights and Adam's moments, or this would refuse
    curve = record["curve"]
    assert again.state()["adam.step"] == curve["step"][int(np.argmin(curve["valid_loss"]))]
    np.testing.assert_array_equal(loaded(dataset.test.inputs), again.predict(again.place(dataset.test)))
    loss = float(((loaded(dataset.test.inputs).astype(np.float64) - dataset.test.targets) ** 2).mean())
    assert loss == record["test"]["loss"]
    assert loaded.about["curve"] == record["curve"]
    assert loaded.about["settings"]["hidden_size"] == 5


def test_a_state_survives_to_the_last_bit(tmp_path: Path) -> None:
    path, _, _ = saved(tmp_path, "numpy_gru")
    twice = [load_model(path).learner.state() for _ in range(2)]
    assert twice[0].keys() == twice[1].keys()
    for name, value in twice[0].items():
        assert value.tobytes() == twice[1][name].tobytes()


def test_a_checkpoint_of_before_that_says_steps_for_the_sequence_length_loads(tmp_path: Path) -> None:
    path, training, _ = saved(tmp_path, "gru")
    inputs = load_data(training.task, 0, 1).test.inputs
    expected = load_model(path)(inputs)
    content = torch.load(path, weights_only=True)
    problem = content["about"]["problem"]
    problem["steps"] = problem.pop("sequence_length")
    torch.save(content, path)
    np.testing.assert_array_equal(load_model(path)(inputs), expected)


def test_torch_reads_it_without_pickle_and_numpy_too(tmp_path: Path) -> None:
    content = torch.load(saved(tmp_path, "gru")[0], weights_only=True)
    assert content["about"]["model"]["name"] == "gru"
    assert {"weight_ih_l0", "head.bias", "adam.m.weight_hh_l1"} <= content["state"].keys()
    with np.load(saved(tmp_path, "numpy_gru")[0], allow_pickle=False) as file:
        assert json.loads(str(file["about"]))["model"]["name"] == "numpy_gru"


def test_a_series_model_speaks_the_columns_units(tmp_path: Path) -> None:
    path, training, _ = saved(tmp_path, "gru", "sunspots")
    loaded, columns = load_model(path), training.task.columns
    assert columns is not None
    inputs = load_data(training.task, 0, 1).test.inputs
    raw = inputs.astype(np.float64) * columns.input_scale[0] + columns.input_mean[0]
    expected = loaded.predict(inputs) * columns.output_scale[0] + columns.output_mean[0]
    np.testing.assert_allclose(loaded(raw), expected, rtol=1e-5)
    assert 0 < loaded(raw).mean() < 300


def test_tokens_go_in_as_they_are(tmp_path: Path) -> None:
    path, training, _ = saved(tmp_path, "lstm", "copy[delay=3,length=2]")
    tokens = load_data(training.task, 0, 1).test.inputs[:4]
    assert bench.load_model(path)(tokens).shape == (4, 7, 9)
    with pytest.raises(ValueError, match=r"expected \(N, T\)"):
        bench.load_model(path)(tokens[..., None])


class Hostile:
    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.proof),)


def hostile_files(folder: Path, proof: Path) -> list[Path]:
    """The ways in which a pickle could come along."""
    bare = folder / "bare.pt"
    bare.write_bytes(pickle.dumps(Hostile(proof)))
    zipped, legacy = folder / "zipped.pt", folder / "legacy.pt"
    torch.save({"about": {"format": 1}, "state": Hostile(proof)}, zipped)
    torch.save({"about": Hostile(proof)}, legacy, _use_new_zipfile_serialization=False)
    objects, buffer = folder / "objects.npz", io.BytesIO()
    np.savez(buffer, about=np.array(json.dumps({"format": 1})), **{"state/w": np.array([Hostile(proof)], dtype=object)})
    objects.write_bytes(buffer.getvalue())
    return [bare, zipped, legacy, objects]


def test_a_hostile_file_is_refused_and_never_unpickled(tmp_path: Path) -> None:
    proof = tmp_path / "executed"
    for path in hostile_files(tmp_path, proof):
        with pytest.raises(UserError, match="is no checkpoint of bench") as caught:
            load_model(path)
        assert "\n" not in str(caught.value)
        assert not any(
            advice in str(caught.value) for advice in ("weights_only", "allow_pickle")
        )  # to run it after all
        assert not proof.exists()
    pickle.loads((tmp_path / "bare.pt").read_bytes())  # the trap is armed
    assert proof.exists()


def test_a_missing_a_foreign_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        load_model(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    with pytest.raises(UserError, match="is no checkpoint"):
        load_model(tmp_path / "text.pt")
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UserError, match="is no checkpoint"):
        load_model(tmp_path / "other.npz")
    for model in ("gru", "numpy_gru"):
        path = saved(tmp_path, model)[0]
        whole = path.read_bytes()
        for end in (10, len(whole) // 2, len(whole) - 5):
            path.write_bytes(whole[:end])
            with pytest.raises(UserError, match="is no checkpoint"):
                load_model(path)
        middle = len(whole) // 2
        end = middle + 128  # more than the padding of a zip archive of torch, which nobody reads
        path.write_bytes(whole[:middle] + bytes(b ^ 255 for b in whole[middle:end]) + whole[end:])
        with pytest.raises(UserError, match=r"is damaged|is no checkpoint"):
            load_model(path)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, "gru")[0]
    content = torch.load(path, weights_only=True)
    for change, problem in [
        ({"model": {"name": "lstm", "parameters": {}}}, "does not hold the weights of lstm"),
        (
            {"model": {"name": "unheard_of", "parameters": {}}},
            r"'unheard_of', which .*plugins=\[\"FILE\.py\"\]",
        ),
        ({"format": 99}, "install a newer"),
        ({"problem": {"input_size": 1}}, "damaged checkpoint"),
        ({"settings": {"hidden_size": 6}}, "does not hold the weights of gru"),
        ({"settings": {"hidden_size": 10**9}}, "none has the sizes"),
        ({"settings": {"hidden_size": 5, "num_layers": 10**9}}, "none has the sizes"),
    ]:
        torch.save({"about": {**content["about"], **change}, "state": content["state"]}, path)
        with pytest.raises(UserError, match=problem):
            load_model(path)


def _npy(shape: tuple[int, ...], data: bytes) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return header.getvalue() + data


def test_a_checkpoint_that_would_grow_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:  # 64 MiB in 64 KiB
        archive.writestr("about.npy", _npy((1 << 24,), bytes(1 << 26)))
    with pytest.raises(UserError, match="would unpack to more than it is, and was not unpacked"):
        load_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about.npy", _npy((1,), b"1234"))
        archive.writestr("state/w.npy", _npy((1 << 40,), b"1234"))
    with pytest.raises(UserError, match=r"state/w\.npy is not as large as its header says"):
        load_model(path)
    torch.save({"about": {"format": 1}, "state": {"w": torch.zeros(1).expand(1 << 40)}}, path)
    with pytest.raises(UserError, match="its weights are larger than the file"):
        load_model(path)


def test_only_regular_files_of_a_size_that_was_allowed_are_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pt"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/zero")):
        with pytest.raises(UserError, match="is no regular file"):
            load_model(path)
    large = tmp_path / "large.pt"
    with large.open("wb") as file:
        file.truncate(5 << 30)  # takes no room
    with pytest.raises(UserError, match=r"has 5\.0 GiB, .* allow it with --largest 5"):
        load_model(large)
    with pytest.raises(UserError, match="is no checkpoint of bench"):
        load_model(large, largest_gib=6)


def test_a_description_of_wrong_types_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, "gru")[0]
    content = torch.load(path, weights_only=True)
    for change in (
        {"columns": {"inputs": [1], "outputs": ["a"], "window": 3}},
        {"columns": {"inputs": ["a"], "outputs": ["a"], "window": "3"}},
        {"settings": {"hidden_size": 5, "num_layers": 2, "dropout": "0"}},
        {"settings": {"hidden_size": True}},
        {"problem": {"input_size": 1, "output_size": 1, "loss": ["mse"]}},
        {"model": []},
        {"task": None},
    ):
        torch.save({"about": {**content["about"], **change}, "state": content["state"]}, path)
        with pytest.raises(UserError, match="is a damaged checkpoint"):
            load_model(path)
