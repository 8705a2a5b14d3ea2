"""Precision: float32 means float32, bfloat16 keeps what Adam adds up, and each is another training."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.measure.device import check_precision, visible_gpus
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.models.torch_learner.network import flatten_bfloat16_weights
from bench.models.torch_learner.precision import use_precision
from bench.records.atomic import FILES
from bench.training.checkpoint import load_model
from bench.training.data import load_data
from bench.training.jobs import TrainingJob
from bench.training.request import Training
from bench.training.train import build_learner, train
from tasks.errors import UserError
from tasks.registry import TASKS


def training(model: str = "gru", **settings: Any) -> Training:
    made = Settings(**{"hidden_size": 8, "learning_rate": 0.01, **settings})
    return Training(TASKS.create("sine"), MODELS.create(model), made, 64, 60, 1)


@pytest.mark.parametrize(("precision", "expected"), [("float32", "ieee"), ("tf32", "tf32"), ("bfloat16", "ieee")])
def test_cudnn_and_cublas_use_tf32_where_it_was_asked_for_and_nowhere_else(precision: str, expected: str) -> None:
    before = torch.backends.cudnn.allow_tf32
    try:
        use_precision("float32" if precision == "tf32" else "tf32")
        use_precision(precision)
        assert torch.backends.cuda.matmul.fp32_precision == expected
        assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == (expected == "tf32")
        torch.get_float32_matmul_precision()  # what torch.compile asks: it raises where old and new names were mixed
        with torch.backends.cudnn.flags(enabled=True):
            pass
    finally:
        use_precision("tf32" if before else "float32")


@pytest.mark.parametrize(("layers", "bias"), [(1, True), (2, True), (2, False)])
def test_bfloat16_weights_are_laid_out_as_torch_lays_out_the_other_types(
    layers: int, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's own method tells what to call, with the types that it knows; cuDNN itself is not there."""
    called: list[Any] = []
    core = torch.nn.LSTM(3, 4, layers, bias=bias, batch_first=True).to(torch.bfloat16)
    flatten_bfloat16_weights(core)
    flatten_bfloat16_weights(torch.nn.Linear(2, 2))
    assert called == []  # a CPU, and a core that is no layer of cuDNN's
    monkeypatch.setattr(torch, "cudnn_is_acceptable", lambda tensor: True)
    monkeypatch.setattr(torch.backends.cudnn.rnn, "get_cudnn_mode", {"LSTM": 2}.__getitem__)
    monkeypatch.setattr(torch, "_cudnn_rnn_flatten_weight", lambda *arguments: called.append(arguments))
    flatten_bfloat16_weights(core)
    (ours,) = called
    assert ours[0] is core._flat_weights
    source = inspect.getsource(torch.nn.RNNBase.flatten_parameters)
    given = source.partition("torch._cudnn_rnn_flatten_weight(")[2].partition(")\n\n")[0]
    theirs = ("_flat_weights", "num_weights", "input_size", "get_cudnn_mode", "hidden_size", "proj_size", "num_layers")
    assert [name for name in re.findall(r"\w+", given) if name in theirs] == list(theirs)  # the order of arguments
    assert ours[1:] == (4 if bias else 2, 3, 2, 4, 0, layers, True, False)  # 2: cuDNN's number of an LSTM


@pytest.mark.parametrize("model", ["gru", "lstm", "rnn"])
def test_bfloat16_learns_as_float32_does_with_its_own_rounding(model: str) -> None:
    low, high = train(training(model, precision="bfloat16")), train(training(model))
    assert low["status"] == "ok"
    assert low["training"]["precision"] == "bfloat16"
    assert high["training"]["precision"] == "float32"
    assert low["hashes"]["weights"] == high["hashes"]["weights"]  # what Adam keeps is drawn and kept in float32
    np.testing.assert_allclose(low["curve"]["valid_loss"], high["curve"]["valid_loss"], rtol=0.3)
    assert low["curve"]["train_loss"] != high["curve"]["train_loss"]


def test_steps_too_small_for_bfloat16_add_up() -> None:
    request = training(precision="bfloat16", learning_rate=1e-5)
    dataset = load_data(request.task, 0, 1)
    learner = build_learner(request, dataset)
    before = learner.state()["weight_hh_l0"]
    batch = next(iter(learner.batches(learner.place(dataset.train), np.arange(64), 64)))
    for _ in range(30):
        learner.train_step(batch)
    moved = np.abs(learner.state()["weight_hh_l0"] - before)
    assert np.median(moved) == pytest.approx(30e-5, rel=0.2)  # Adam's steps are of the learning rate's size
    assert before.dtype == np.float32


def test_a_state_of_bfloat16_comes_back_and_predicts_the_same() -> None:
    request = training(precision="bfloat16")
    dataset = load_data(request.task, 0, 1)
    one, other = build_learner(request, dataset), build_learner(replace(request, replicate=2), dataset)
    other.load_state(one.state())
    placed = one.place(dataset.valid)
    np.testing.assert_array_equal(one.predict(placed), other.predict(placed))
    assert one.predict(placed).dtype == np.float32


def test_a_checkpoint_remembers_its_precision(tmp_path: Any) -> None:
    request = training(precision="bfloat16")
    record = TrainingJob(request, keep_model=True).perform(lambda *evaluation: None)
    name, content = next(iter(record[FILES].items()))
    path = tmp_path / name.replace("/", "-")
    path.write_bytes(content)
    model, dataset = load_model(path), load_data(request.task, 0, 1)
    loss = float(np.mean((model.predict(dataset.test.inputs) - dataset.test.targets) ** 2))
    assert loss == pytest.approx(record["test"]["loss"], rel=1e-6)


def test_the_default_on_a_cpu_has_the_key_that_it_always_had_and_all_else_another() -> None:
    plain = training()
    assert "precision" not in plain.settings.identity()
    keys = {plain.key(), training(precision="bfloat16").key(), training(precision="tf32").key()}
    keys |= {training(device="cuda").key(), training(device="cuda", precision="tf32").key()}
    assert len(keys) == 5


def test_a_device_that_lacks_a_precision_is_named() -> None:
    for precision in ("float32", "bfloat16"):
        check_precision(precision, "cpu")
    with pytest.raises(UserError, match=r"precision 'tf32' needs a GPU, and the device is the CPU"):
        check_precision("tf32", "cpu")
    for precision in ("float32", "tf32", "bfloat16"):
        check_precision(precision, "cuda", lambda: (9, 0))
    check_precision("float32", "cuda", lambda: (7, 5))
    for precision in ("tf32", "bfloat16"):
        with pytest.raises(UserError, match=rf"no {precision} \(compute capability 7.5, it needs 8.0\)"):
            check_precision(precision, "cuda", lambda: (7, 5))


def test_gpus_keep_the_names_that_they_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(2) == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-ab")
    assert visible_gpus(2) == ["3", "GPU-ab"]
