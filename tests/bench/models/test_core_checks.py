"""What a torch core must be so that the rest of bench can train it, count it and compare it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.models.contract import Ignorable, Settings
from bench.models.contract_checks import model_checks
from bench.models.registry import MODELS
from bench.models.small_problems import problems
from bench.models.torch_model import TorchModel
from tasks.checking import Finding, perform

SIZES = ((8, 1), (16, 1), (8, 2))


def broken(model: Any, precision: Any = "float32") -> list[Finding]:
    """What is found to be broken on sequences with a prediction every step."""
    problem, split = problems()["a prediction every step"]()
    settings = Settings(*SIZES[0], 0.5, precision=precision)
    found = perform(model_checks(model, problem, split, settings, SIZES), __file__)
    return [finding for finding in found if finding.verdict == "broken"]


class Stack(nn.Module):
    """Linear layers over the input's running sum. keep: what keeps the layers."""

    def __init__(self, keep: Callable[[list[nn.Module]], Any], sizes: list[int], dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.layers = keep([nn.Linear(*pair) for pair in pairwise(sizes)])

    def forward(self, x: Tensor) -> Tensor:
        x = x.cumsum(dim=1)
        for number, layer in enumerate(self.layers):
            x = torch.tanh(layer(self.dropout(x) if number else x))
        return x


class FirstKept(nn.Module):
    """A list of modules of which the first alone is registered."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.first, self.rest = layers[0], layers[1:]

    def __iter__(self) -> Any:
        return iter([self.first, *self.rest])


def frozen(layers: list[nn.Module]) -> nn.ModuleList:
    return nn.ModuleList(layers).requires_grad_(False)


@dataclass(frozen=True)
class Stacked(TorchModel):
    name = "stacked"
    summary = "layers that are kept in one way or another"
    keep: Any = nn.ModuleList

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        return Stack(self.keep, [input_size, *[hidden_size] * num_layers], dropout)


class Reservoir(Stacked):
    untrained: ClassVar[tuple[str, ...]] = ("*",)


def test_layers_in_a_module_list_are_parameters() -> None:
    assert broken(Stacked()) == []


def test_layers_in_a_plain_list_are_refused() -> None:
    """They were a random reservoir under the name of a cell, and only a line beside others said so."""
    (found,) = broken(Stacked(list))
    assert "its core has no parameters" in found.text
    assert "nn.ModuleList" in found.text


def test_a_second_layer_in_a_plain_list_is_refused() -> None:
    """Its outputs differ from those of one layer, as those of layers that share their weights do."""
    (found,) = broken(Stacked(FirstKept))
    assert "its core of 2 layer(s) does not compute in float64 (RuntimeError: " in found.text
    assert "nn.ModuleList" in found.text


def test_a_reservoir_says_that_it_is_one() -> None:
    (found, *_) = broken(Stacked(frozen))
    assert "none of its core's parameters (layers.0.weight, layers.0.bias) is trained" in found.text
    assert broken(Reservoir(frozen)) == []


def test_the_head_does_not_stand_for_a_core_without_parameters() -> None:
    class Hidden(Reservoir):
        ignores: ClassVar[tuple[Ignorable, ...]] = ("num_layers",)
        dtypes: ClassVar[tuple[str, ...]] = ("float32",)

    (found,) = broken(Hidden(list))
    assert "hidden size 16 has 0 parameters, and hidden size 8 has 0: expected more" in found.text


class Remembering(nn.Module):
    """Starts from the last state of the batch before. how: when, and what it keeps of it."""

    def __init__(self, how: str, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.how, self.last = how, None
        self.rnn = nn.GRU(input_size, hidden_size, num_layers, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        state = self.last if self.last is not None and self.last.shape[1] == len(x) else None
        if self.how == "draws":
            state = torch.randn(self.rnn.num_layers, len(x), self.rnn.hidden_size, dtype=x.dtype)
        outputs, last = self.rnn(x, state if self.training or self.how != "in training" else None)
        if self.how in ("always", "with its graph") or self.training == (self.how == "in training"):
            self.last = last if self.how == "with its graph" else last.detach()
        return outputs  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Stateful(TorchModel):
    name = "stateful"
    summary = "carries its state from batch to batch"
    ignores: ClassVar[tuple[Ignorable, ...]] = ("dropout",)
    how: str = ""

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        return Remembering(self.how, input_size, hidden_size, num_layers)


@pytest.mark.parametrize("how", ["in training", "in evaluation", "always", "with its graph"])
def test_a_state_that_is_carried_from_batch_to_batch_is_refused(how: str) -> None:
    (found,) = broken(Stateful(how))
    assert found.check == "nothing is carried from batch to batch"
    assert "self.h = …" in found.text
    assert "\n" not in found.text


def test_a_core_that_draws_random_numbers_carries_nothing() -> None:
    assert broken(Stateful("draws")) == []


class Wrapped(nn.Module):
    """A layer of torch in a module of its own."""

    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Forgetful(TorchModel):
    name = "forgetful"
    summary = "an LSTM that sets its forget bias"
    forget: float = 1.0
    wrapped: bool = False

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        rnn = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout)
        for name, parameter in rnn.named_parameters():
            if name.startswith("bias_ih"):
                parameter.data[hidden_size : 2 * hidden_size] = self.forget
        return Wrapped(rnn) if self.wrapped else rnn


def test_initial_values_that_would_be_replaced_are_refused() -> None:
    """Two models with other forget biases once had the same trainings."""
    (found,) = broken(Forgetful())
    assert found.check == "initial values that core() sets are kept"
    assert "bias_ih_l0 of an nn.LSTM, and bench replaces them" in found.text


@pytest.mark.parametrize("forget", [1.0, -2.0])
def test_initial_values_in_a_module_of_its_own_are_kept(forget: float) -> None:
    model = Forgetful(forget, wrapped=True)
    assert broken(model) == []
    problem, _ = problems()["a prediction every step"]()
    state = model.build(problem, Settings(8), np.random.default_rng(0), 0).state()
    np.testing.assert_array_equal(state["rnn.bias_ih_l0"][8:16], forget)


class Single(nn.Module):
    """Computes in float32, whatever its inputs are."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn, self.scale = nn.GRU(input_size, hidden_size, batch_first=True), torch.ones(hidden_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.rnn(x)[0] @ self.scale
        return outputs


@dataclass(frozen=True)
class SinglePrecision(TorchModel):
    name = "single"
    summary = "has a constant of float32"
    ignores: ClassVar[tuple[Ignorable, ...]] = ("num_layers", "dropout")

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        return Single(input_size, hidden_size)


def test_a_core_that_does_not_compute_in_float64_is_refused_unless_it_says_so() -> None:
    class Declared(SinglePrecision):
        dtypes: ClassVar[tuple[str, ...]] = ("float32",)

    (found,) = broken(SinglePrecision())
    assert "does not compute in float64" in found.text
    assert "register_buffer" in found.text
    assert broken(Declared()) == []


@pytest.mark.parametrize("name", MODELS.entries())
def test_bench_s_own_models_keep_the_contract(name: str) -> None:
    assert broken(MODELS.create(name)) == []
