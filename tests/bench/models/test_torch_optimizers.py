"""Optimisers of torch's parameters beside `torch.optim`'s, and groups of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.models.contract import Problem, Settings
from bench.models.registry import MODELS
from bench.models.torch_learner.parameter_groups import OPTIMIZERS, open_optimizer
from bench.models.torch_model import ParameterGroup, TorchModel
from tasks.contract import Split
from tasks.errors import UserError

TORCHS: dict[str, Any] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}
SETTINGS = Settings(4, learning_rate=0.03, weight_decay=0.1, dtype="float64")


def weights() -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((5, 3), (7,), ())]


def gradients(step: int, ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        one.grad = torch.randn(one.shape, dtype=torch.float64) * 10.0 ** (step % 7 - 3)
        other.grad = one.grad.clone()


def test_there_is_one_of_each_name() -> None:
    assert list(OPTIMIZERS) == list(TORCHS)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("name", TORCHS)
def test_equals_torch_s_own_for_50_steps(name: Any, weight_decay: float) -> None:
    ours, theirs = weights(), weights()
    settings = replace(SETTINGS, optimizer=name, weight_decay=weight_decay)
    mine = open_optimizer(ours, settings, (), "mine")
    expected = TORCHS[name](theirs, lr=0.03, weight_decay=weight_decay)
    for step in range(50):
        gradients(step, ours, theirs)
        if step == 25:
            mine.learning_rate = expected.param_groups[0]["lr"] = 0.001
        mine.step()
        expected.step()
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", TORCHS)
def test_groups_are_torch_s_parameter_groups(name: Any) -> None:
    ours, theirs = weights(), weights()
    groups = [ParameterGroup(iter([ours[1]]), rate=0.25, weight_decay=0.0), ParameterGroup([ours[2]], rate=2.0)]
    mine = open_optimizer(ours, replace(SETTINGS, optimizer=name), groups, "mine")
    others = [
        {"params": [theirs[0]]},
        {"params": [theirs[1]], "lr": 0.25 * 0.03, "weight_decay": 0.0},
        {"params": [theirs[2]], "lr": 2 * 0.03},
    ]
    expected = TORCHS[name](others, lr=0.03, weight_decay=0.1)
    for step in range(50):
        gradients(step, ours, theirs)
        if step == 25:
            mine.learning_rate = 0.001
            for group, factor in zip(expected.param_groups, (1, 0.25, 2), strict=True):
                group["lr"] = 0.001 * factor
        mine.step()
        expected.step()
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    assert mine.learning_rate == 0.001


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_a_parameter_without_a_gradient_is_left_alone(name: Any) -> None:
    used, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    used.grad = torch.ones(2)
    open_optimizer([used, unused], replace(SETTINGS, optimizer=name), (), "mine").step()
    assert torch.equal(unused, torch.ones(2))
    assert not torch.equal(used, torch.ones(2))
    open_optimizer([unused], replace(SETTINGS, optimizer=name), (), "mine").step()
    assert torch.equal(unused, torch.ones(2))


def test_groups_that_parameters_cannot_be_put_into() -> None:
    first, second = weights()[:2]
    refused = {
        "a tensor that its core does not train": [ParameterGroup([torch.ones(2, requires_grad=True)])],
        "a parameter twice": [ParameterGroup([first]), ParameterGroup([first])],
        "needs rate > 0": [ParameterGroup([first], rate=0)],
        "and weight_decay >= 0": [ParameterGroup([first], weight_decay=-1)],
    }
    for message, groups in refused.items():
        with pytest.raises(UserError, match=message):
            open_optimizer([first, second], SETTINGS, groups, "mine")


@dataclass(frozen=True)
class Grouped(TorchModel):
    name = "grouped"
    summary = "a GRU whose recurrent weights have a rate of their own"
    rate: float = 1.0

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        return torch.nn.GRU(input_size, hidden_size, num_layers, batch_first=True)

    def parameter_groups(self, core: torch.nn.Module) -> Sequence[ParameterGroup]:
        return [ParameterGroup([value for name, value in core.named_parameters() if "weight_hh" in name], self.rate)]


def stepped(model: TorchModel, settings: Settings, steps: int = 3) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    learner = model.build(Problem(2, 1, "mse"), settings, np.random.default_rng(0), 0)
    split = Split(rng.normal(size=(6, 5, 2)).astype("float32"), rng.normal(size=(6, 1)).astype("float32"))
    for _ in range(steps):
        learner.train_step(next(learner.batches(learner.place(split), np.arange(6), 6)))
    state = learner.state()
    again = model.build(Problem(2, 1, "mse"), settings, np.random.default_rng(1), 0)
    again.load_state(state)
    for name, value in again.state().items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)
    return state


@pytest.mark.parametrize("optimizer", TORCHS)
def test_a_model_s_groups_train_at_their_own_rate(optimizer: Any) -> None:
    settings = Settings(4, learning_rate=0.01, dtype="float64", optimizer=optimizer)
    start = stepped(Grouped(), settings, 0)
    plain, slow = (stepped(Grouped(rate=rate), settings, 1) for rate in (1.0, 0.25))
    assert plain.keys() == slow.keys()
    for name in ("weight_ih_l0", "weight_hh_l0", "head.weight"):
        factor = 0.25 if name == "weight_hh_l0" else 1.0
        np.testing.assert_allclose(slow[name] - start[name], factor * (plain[name] - start[name]), rtol=1e-9)


def test_at_the_rate_of_the_rest_a_group_changes_nothing() -> None:
    settings = Settings(4, learning_rate=0.01, dtype="float64")
    grouped, plain = stepped(Grouped(), settings), stepped(MODELS.create("gru"), settings)
    for name, value in plain.items():
        np.testing.assert_allclose(grouped[name], value, rtol=1e-12, err_msg=name)


def test_the_recurrence_of_lru_is_spared_by_weight_decay() -> None:
    model, settings = MODELS.create("lru"), Settings(4, learning_rate=0.01, optimizer="adamw", dtype="float64")
    plain, decayed = stepped(model, settings, 1), stepped(model, replace(settings, weight_decay=1.0), 1)
    same = {name for name, value in plain.items() if name[:4] != "adam" and np.array_equal(value, decayed[name])}
    recurrent = {
        name for name in plain if name[:4] != "adam" and name.rpartition(".")[2] in ("nu", "theta", "gamma", "b")
    }
    assert len(recurrent) == 4
    assert recurrent <= same
    assert not {name for name in same - recurrent if "weight" in name}
