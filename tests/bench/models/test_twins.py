"""A NumPy cell and its torch twin: the same weights from the same seed, and the same trajectory of losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Learner, Problem, Settings
from bench.models.registry import MODELS
from bench.seeds import generator
from tasks.contract import Array, Split

MakeSplit = Callable[..., Split]
STEPS = 50
TWINS = ["gru", "lstm", "rnn", "rnn[nonlinearity=relu]"]
PROBLEMS = {
    "per sequence": Problem(input_size=2, output_size=1, loss="mse", sequence_length=10),
    "per step": Problem(
        input_size=5, output_size=4, loss="cross_entropy", per_step=True, tokens=True, sequence_length=12
    ),
    "labels": Problem(input_size=3, output_size=2, loss="binary_cross_entropy", per_step=True, sequence_length=8),
}
# the trajectories of two correct codes part by rounding alone
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}


def build(name: str, problem: Problem, settings: Settings) -> Learner:
    model = MODELS.create(name)
    return model.build(problem, settings, generator("init", model.cell, 3), 0)


def train(learner: Learner, split: Split) -> Array:
    """`STEPS` steps in batches of 8, in the same order for everybody."""
    placed, collected, epoch = learner.place(split), [], 0
    while len(collected) < STEPS:
        order = generator("batches", "twins", epoch).permutation(len(split))
        collected += [learner.train_step(batch) for batch in learner.batches(placed, order, 8)]
        epoch += 1
    return learner.losses(collected[:STEPS])


def compare(name: str, problem: Problem, settings: Settings, split: Split) -> None:
    ours, torchs = build(f"numpy_{name}", problem, settings), build(name, problem, settings)
    start = torchs.state()
    assert ours.state().keys() == start.keys()
    for key, value in ours.state().items():
        np.testing.assert_array_equal(value, start[key], err_msg=key)
    losses, expected = train(ours, split), train(torchs, split)
    np.testing.assert_allclose(losses, expected, rtol=TOLERANCE[settings.dtype])
    assert not np.allclose(expected, expected[0])  # they did move
    outputs, wanted = ours.predict(ours.place(split)), torchs.predict(torchs.place(split))
    tolerance = TOLERANCE[settings.dtype]
    np.testing.assert_allclose(outputs, wanted, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", PROBLEMS)
@pytest.mark.parametrize("name", TWINS)
def test_twins_follow_the_same_losses(name: str, kind: str, layers: int, dtype: Any, make_split: MakeSplit) -> None:
    problem = PROBLEMS[kind]
    settings = Settings(hidden_size=12, num_layers=layers, learning_rate=1e-2, dtype=dtype)
    compare(name, problem, settings, make_split(problem, sequences=20))


@pytest.mark.parametrize("kind", ["per sequence", "per step", "labels"])
@pytest.mark.parametrize("name", ["gru", "lstm", "rnn"])
def test_twins_agree_with_padding_and_masks(name: str, kind: str, make_split: MakeSplit) -> None:
    problem = PROBLEMS[kind]
    settings = Settings(hidden_size=7, num_layers=2, learning_rate=1e-2, dtype="float64")
    split = make_split(problem, sequences=20, mask=problem.per_step, lengths=not problem.per_step)
    compare(name, problem, settings, split)


@pytest.mark.parametrize(
    "change",
    [
        {"weight_decay": 0.1},
        *({"optimizer": name, "weight_decay": decay} for name in ("adamw", "sgd", "rmsprop") for decay in (0.0, 0.1)),
        {"clip_norm": 0.01},
        {"clip_norm": None},
        {"init": "chrono"},
        {"init": "orthogonal"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["gru", "lstm", "rnn"])
def test_twins_agree_under_every_setting(name: str, change: dict[str, Any], make_split: MakeSplit) -> None:
    settings = replace(Settings(hidden_size=6, num_layers=2, learning_rate=1e-2, dtype="float64"), **change)
    problem = PROBLEMS["per sequence"]
    compare(name, problem, settings, make_split(problem, sequences=20))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("name", ["gru", "lstm", "rnn"])
def test_a_state_moves_between_twins(name: str, optimizer: Any, make_split: MakeSplit) -> None:
    problem = PROBLEMS["per sequence"]
    settings = Settings(hidden_size=6, num_layers=2, learning_rate=1e-2, dtype="float64", optimizer=optimizer)
    split = make_split(problem, sequences=20)
    ours, torchs = build(f"numpy_{name}", problem, settings), build(name, problem, settings)
    train(torchs, split)
    ours.load_state(torchs.state())
    np.testing.assert_allclose(train(ours, split), train(torchs, split), rtol=1e-9)
