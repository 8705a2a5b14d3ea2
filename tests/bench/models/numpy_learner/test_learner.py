"""The NumPy learner where it differs from others: numbers that are not finite, splits that do not fit, its limits."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Problem, Settings
from bench.models.numpy_gru import NumpyGRU
from bench.models.numpy_learner import learner as numpy_learner
from bench.models.numpy_learner.learner import NumpyLearner
from bench.models.numpy_model import NumpyModel
from bench.models.registry import MODELS
from tasks.contract import Split

NAMES = ["numpy_gru", "numpy_gru[reset_after=false]", "numpy_lstm", "numpy_rnn", "numpy_rnn[nonlinearity=relu]"]
N, T, I, O = 10, 6, 3, 2  # noqa: E741


def build(name: str = "numpy_gru", **problem: Any) -> NumpyLearner:
    model = MODELS.create(name)
    assert isinstance(model, NumpyModel)
    problem = {"loss": "mse", "sequence_length": T} | problem
    return model.build(Problem(I, O, **problem), Settings(5, 2), np.random.default_rng(0), 0)


def split(**changes: Any) -> Split:
    rng = np.random.default_rng(1)
    arrays = {"inputs": rng.normal(size=(N, T, I)).astype("f4"), "targets": rng.normal(size=(N, O)).astype("f4")}
    return Split(**(arrays | changes))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_finite_comes_out_as_a_loss_without_a_warning(name: str, value: float) -> None:
    learner, inputs = build(name), split().inputs
    inputs[0, 0, 0] = value
    (batch,) = learner.batches(learner.place(split(inputs=inputs)), np.arange(N), N)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses = learner.losses([learner.train_step(batch) for _ in range(3)])
        outputs = learner.predict(learner.place(split(inputs=inputs)))
    if np.isnan(value):
        assert np.isnan(losses).all()
        assert np.isnan(outputs).all()
    assert losses.shape == (3,)


@pytest.mark.parametrize("name", NAMES[:4])
def test_large_inputs_train_on_finite_losses(name: str) -> None:
    learner, inputs = build(name), np.where(split().inputs > 0, np.float32(1e4), np.float32(-1e4))
    (batch,) = learner.batches(learner.place(split(inputs=inputs)), np.arange(N), N)
    assert np.isfinite(learner.losses([learner.train_step(batch) for _ in range(20)])).all()


@pytest.mark.parametrize("per_step", [False, True])
def test_predictions_do_not_depend_on_how_the_split_is_cut(per_step: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = build(per_step=per_step)
    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(50, T, I)).astype("f4")
    targets = np.zeros((50, T, O) if per_step else (50, O), "f4")
    placed = learner.place(Split(inputs, targets, lengths=rng.integers(1, T + 1, 50)))
    whole = learner.predict(placed)
    monkeypatch.setattr(numpy_learner, "PREDICT_BYTES", 1)
    np.testing.assert_allclose(learner.predict(placed), whole, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("problem", "changes", "error", "sentence"),
    [
        ({}, {"inputs": np.zeros((N, T, 4))}, ValueError, r"inputs must have shape \(10, 6, 3\), not \(10, 6, 4\)"),
        ({}, {"targets": np.zeros((N, 1))}, ValueError, r"targets must have shape \(10, 2\), not \(10, 1\)"),
        ({}, {"targets": np.zeros((N, T, O))}, ValueError, r"targets must have shape \(10, 2\), not \(10, 6, 2\)"),
        ({"per_step": True}, {}, ValueError, r"targets must have shape \(10, 6, 2\), not \(10, 2\)"),
        ({"loss": "cross_entropy"}, {}, ValueError, r"classes must have shape \(10,\), not \(10, 2\)"),
        ({"loss": "cross_entropy"}, {"targets": np.full(N, 2)}, ValueError, "classes must lie in 0 … 1, not 2 … 2"),
        ({"loss": "cross_entropy"}, {"targets": np.zeros(N)}, TypeError, "classes must be integers, not float64"),
        ({"tokens": True}, {"inputs": np.full((N, T), -1)}, ValueError, "tokens must lie in 0 … 2, not -1 … -1"),
        ({"tokens": True}, {"inputs": np.zeros((N, T))}, TypeError, "tokens must be integers, not float64"),
        ({}, {"mask": np.ones((N, T), bool)}, ValueError, "this task has one prediction for each sequence"),
        ({}, {"lengths": np.full(N, T + 1)}, ValueError, "lengths must lie in 1 … 6, not 7 … 7"),
        ({}, {"lengths": np.zeros(N, int)}, ValueError, "lengths must lie in 1 … 6, not 0 … 0"),
    ],
)
def test_a_split_that_does_not_fit_gets_one_sentence(
    problem: dict[str, Any], changes: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        build(**problem).place(split(**changes))


@pytest.mark.parametrize(
    ("mask", "error", "sentence"),
    [
        (np.ones((N, 1), bool), ValueError, r"mask must have shape \(10, 6\), not \(10, 1\)"),
        (np.ones((N, T)), TypeError, "mask must be bool, not float64"),
    ],
)
def test_a_mask_that_does_not_fit_gets_one_sentence(mask: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        build(per_step=True).place(split(targets=np.zeros((N, T, O), "f4"), mask=mask))


def test_it_runs_on_a_cpu_only() -> None:
    assert NumpyGRU.devices == ("cpu",)
    with pytest.raises(ValueError, match="run on device 'cpu', not 'cuda'"):
        NumpyGRU().build(Problem(I, O, "mse"), Settings(4, device="cuda"), np.random.default_rng(0), 0)
