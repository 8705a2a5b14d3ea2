"""A faster implementation trains the same network: same losses as the model's, to rounding, under every option."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Model, Problem, Settings
from bench.models.gru import Gru
from bench.models.initialisation import SCHEMES
from bench.models.lstm import Lstm
from bench.models.numpy_gru import NumpyGRU
from bench.models.registry import MODELS
from bench.models.rnn import Rnn
from bench.models.search_twin import TWIN_KERNELS, search_twin
from bench.models.torch_learner.stacked.twins import GruInStack, LstmInStack, RnnInStack
from bench.seeds import generator
from tasks.contract import Array, Split

PROBLEMS = [
    Problem(input_size=2, output_size=1, loss="mse", sequence_length=6),
    Problem(input_size=5, output_size=4, loss="cross_entropy", per_step=True, tokens=True, sequence_length=7),
    Problem(input_size=3, output_size=2, loss="binary_cross_entropy", per_step=True, sequence_length=5),
]
CHANGES: list[dict[str, Any]] = [
    *({"init": scheme} for scheme in SCHEMES),
    *({"weight_decay": 0.1}, {"clip_norm": None}, {"clip_norm": 0.01}, {"num_layers": 1}),
]


def twin_of(model: Model, **changes: Any) -> Model | None:
    return search_twin(model, **{"device": "cpu", "dropout": 0.0, "precision": "float32", **changes})


def losses(model: Model, problem: Problem, settings: Settings, split: Split) -> Array:
    """Of 12 steps in batches of 8."""
    learner = model.build(problem, settings, generator("init", model.cell, 1), 0)
    placed, collected = learner.place(split), []
    for epoch in range(4):
        order = generator("batches", "twin", epoch).permutation(len(split))
        collected += [learner.train_step(batch) for batch in learner.batches(placed, order, 8)]
    return learner.losses(collected)


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.loss)
@pytest.mark.parametrize("model", [Gru()], ids=lambda model: model.label)
def test_the_losses_are_the_models(
    model: Model, problem: Problem, change: dict[str, Any], make_split: Callable[..., Split]
) -> None:
    twin = twin_of(model)
    assert twin is not None
    assert twin.cell == model.cell
    split = make_split(problem, sequences=20, mask=problem.per_step, lengths=not problem.per_step)
    settings = replace(Settings(hidden_size=7, num_layers=2, learning_rate=1e-2), **change)
    np.testing.assert_allclose(
        losses(twin, problem, settings, split), losses(model, problem, settings, split), rtol=1e-4
    )
    exact = replace(settings, dtype="float64")
    expected = losses(model, problem, exact, split)
    np.testing.assert_allclose(losses(twin, problem, exact, split), expected, rtol=1e-9)
    assert not np.allclose(expected, expected[0])
    learner = twin.build(problem, settings, generator("init", model.cell, 1), 0)
    assert learner.kernel == TWIN_KERNELS["cpu"]


@pytest.mark.parametrize("change", [{"dropout": 0.1}, {"precision": "bfloat16"}, {"precision": "tf32"}], ids=str)
def test_there_is_none_under_options_that_it_lacks(change: dict[str, Any]) -> None:
    assert twin_of(Gru(), **change) is None


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_on_a_gpu_it_is_the_model_that_a_cohort_stacks(precision: str) -> None:
    found = [twin_of(model, device="cuda", precision=precision) for model in (Gru(), Lstm(), Rnn(nonlinearity="relu"))]
    assert found == [GruInStack(), LstmInStack(), RnnInStack(nonlinearity="relu")]
    assert [twin.cell for twin in found if twin] == ["gru", "lstm", "rnn"]
    assert not {"stacked_gru", "stacked_lstm", "stacked_rnn"} & set(MODELS.entries())


@pytest.mark.parametrize("change", [{"dropout": 0.1}, {"precision": "bfloat16"}], ids=str)
def test_on_a_gpu_there_is_none_under_options_that_stacks_lack(change: dict[str, Any]) -> None:
    assert twin_of(Gru(), device="cuda", **change) is None


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_there_is_none_of_other_models_nor_of_a_subclass(device: str) -> None:
    @dataclass(frozen=True)
    class Other(Gru):
        name = "other"

    assert [twin_of(model, device=device) for model in (NumpyGRU(), Other())] == [None, None]
    assert [twin_of(model) for model in (Lstm(), Rnn())] == [None, None]
