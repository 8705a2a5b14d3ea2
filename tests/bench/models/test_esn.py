"""The echo state network equals its equations: states one sequence at a time, the readout by another least squares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Problem, Settings
from bench.models.esn import LEAST, Esn, EsnLearner
from bench.models.registry import MODELS
from bench.training.request import Training
from bench.training.train import train
from tasks.contract import Array, Split
from tasks.registry import TASKS

MODEL = Esn(spectral_radius=0.9, leak=0.4, input_scale=0.7, ridge=0.05)
PROBLEM = Problem(3, 2, "mse", sequence_length=7)
SETTINGS = Settings(hidden_size=6, num_layers=2, dtype="float64")


def make(loss: str, *, per_step: bool, lengths: bool = False, count: int = 20) -> tuple[Problem, Split]:
    rng = np.random.default_rng(1)
    inputs = rng.standard_normal((count, 7, 3)).astype(np.float32)
    shape = (count, 7) if per_step else (count,)
    targets: Array
    if loss == "cross_entropy":
        targets = rng.integers(0, 2, shape)
    else:
        targets = rng.standard_normal((*shape, 2)).astype(np.float32)
    ends = rng.integers(1, 8, count) if lengths else None
    mask = np.arange(7) < ends[:, None] if ends is not None and per_step else None
    return replace(PROBLEM, loss=loss, per_step=per_step), Split(inputs, targets, mask, ends)  # type: ignore[arg-type]


def learner(problem: Problem, model: Esn = MODEL) -> EsnLearner:
    return model.build(problem, SETTINGS, np.random.default_rng(0), 0)


def states_of(state: dict[str, Any], split: Split) -> list[list[Array]]:
    """The last layer's states of each sequence, step by step, from the equation."""
    found = []
    for sequence in np.asarray(split.inputs, dtype=np.float64):
        layers = [np.zeros(6), np.zeros(6)]
        found.append([])
        for step in sequence:
            below = step
            for number, before in enumerate(layers):
                drive = state[f"weight_ih_l{number}"] @ below + state[f"bias_l{number}"]
                layers[number] = 0.6 * before + 0.4 * np.tanh(drive + state[f"weight_hh_l{number}"] @ before)
                below = layers[number]
            found[-1].append(below)
    return found


@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("per_step", [False, True])
def test_it_equals_its_equations(per_step: bool, lengths: bool) -> None:
    problem, split = make("mse", per_step=per_step, lengths=lengths)
    fitted = learner(problem)
    for batch in fitted.batches(split, np.arange(20), 6):
        fitted.train_step(batch)
    states = states_of(fitted.state(), split)
    ends = np.full(20, 7) if split.lengths is None else split.lengths
    if per_step:
        rows = [(states[n][t], split.targets[n, t]) for n in range(20) for t in range(ends[n])]
    else:
        rows = [(states[n][ends[n] - 1], split.targets[n]) for n in range(20)]
    x, y = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=np.float64)
    # the penalty as rows of data: least squares on [[x, 1], [√ridge·I, 0]] and [y, 0], by singular values
    design = np.block([[x, np.ones((len(x), 1))], [np.sqrt(0.05) * np.eye(6), np.zeros((6, 1))]])
    solution = np.linalg.lstsq(design, np.concatenate([y, np.zeros((6, 2))]), rcond=None)[0]
    np.testing.assert_allclose(fitted.state()["head.weight"], solution[:-1].T, rtol=0, atol=1e-9)
    np.testing.assert_allclose(fitted.state()["head.bias"], solution[-1], rtol=0, atol=1e-9)
    expected = np.array([[np.append(s, 1) @ solution for s in one] for one in states])
    if not per_step:
        expected = expected[np.arange(20), ends - 1]
    np.testing.assert_allclose(fitted.predict(split), expected, rtol=0, atol=1e-9)


def test_the_largest_eigenvalue_of_each_reservoir_has_the_modulus_that_was_asked_for() -> None:
    state = learner(PROBLEM).state()
    for layer in (0, 1):
        moduli = np.abs(np.linalg.eigvals(state[f"weight_hh_l{layer}"]))
        assert moduli.max() == pytest.approx(0.9)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_logits_are_those_of_the_fitted_probabilities(loss: str) -> None:
    problem, split = make(loss, per_step=False)
    if loss == "binary_cross_entropy":
        split = replace(split, targets=(split.targets > 0).astype(np.float32))
    fitted = learner(problem)
    fitted.train_step(split)
    state = fitted.state()
    ends = np.array([one[-1] for one in states_of(state, split)])
    most = 1.0 if loss == "cross_entropy" else 1 - LEAST
    shares = np.clip(ends @ state["head.weight"].T + state["head.bias"], LEAST, most)
    expected = np.log(shares) if loss == "cross_entropy" else np.log(shares / (1 - shares))
    np.testing.assert_allclose(fitted.predict(split), expected, rtol=0, atol=1e-9)


def test_a_training_reads_the_data_once() -> None:
    task = TASKS.create("sine")
    made = Training(task, MODELS.create("esn"), Settings(8, learning_rate=0.01), 64, 10_000, 1, evaluation_interval=5)
    record = train(made)
    batches = -(-record["train_sequences"] // 64)
    assert record["curve"]["step"][-1] == batches
    assert record["test"]["skill"] > 0.9
    assert record["curve"]["valid_loss"][-1] < record["curve"]["valid_loss"][0] / 100


def test_a_batch_of_targets_of_which_some_were_not_measured() -> None:
    """They are learnt from, as by every learner: the loss of a step is that of all its targets."""
    problem, split = make("mse", per_step=False)
    measured = np.random.default_rng(0).random(split.targets.shape) > 0.3
    losses = []
    for each in (split, replace(split, measured=measured, base=np.zeros(split.targets.shape))):
        net = learner(problem)
        batches = net.batches(net.place(each), np.arange(len(each)), 8)
        losses.append([float(net.losses([net.train_step(batch)])[0]) for batch in batches])
    assert losses[0] == losses[1]
