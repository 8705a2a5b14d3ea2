"""A gradient that is not that of the loss is told from one at a kink of the loss, where there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.models.contract import Settings
from bench.models.gradient_checks import check_gradient, check_use
from bench.models.small_problems import problems
from bench.models.torch_model import TorchModel
from bench.models.tried_model import TriedModel
from tasks.checking import ContractWarning
from tasks.errors import UserError


class HalfBackward(torch.autograd.Function):
    """The identity, with half of its gradient."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient / 2


class Rectified(nn.Module):
    """h_t = h_(t−1) + relu(W x_t + b) with b = 0: at an input of 0 every unit is at the kink of relu."""

    def __init__(self, how: str, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.how, self.enter = how, nn.Linear(input_size, hidden_size)
        nn.init.zeros_(self.enter.bias)

    def forward(self, x: Tensor) -> Tensor:
        entering = self.enter(x)
        if self.how == "half of the gradient":
            entering = HalfBackward.apply(entering)  # type: ignore[no-untyped-call]
        return torch.relu(entering).cumsum(dim=1)


@dataclass(frozen=True)
class ReluSum(TorchModel):
    name = "relu_sum"
    summary = "sums of rectified inputs"
    how: str = ""

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        return Rectified(self.how, input_size, hidden_size)


def tried(model: TorchModel, *, zeros: bool = False) -> TriedModel:
    """On small sequences; zeros: of which every other step is exactly 0."""
    problem, split = problems()["one prediction a sequence"]()
    if zeros:
        inputs = np.array(split.inputs)
        inputs[:, ::2] = 0.0
        split = replace(split, inputs=inputs)
    return TriedModel(model, problem, split, Settings(8))


@pytest.mark.parametrize("zeros", [False, True], ids=["elsewhere", "at kinks"])
def test_a_correct_gradient_passes_at_kinks_too(zeros: bool) -> None:
    assert check_gradient(tried(ReluSum(), zeros=zeros)) is None


@pytest.mark.parametrize("zeros", [False, True], ids=["elsewhere", "at kinks"])
def test_a_wrong_gradient_is_refused_at_kinks_too(zeros: bool) -> None:
    with pytest.raises(UserError, match=r"the gradient of enter\.(weight|bias) is wrong"):
        check_gradient(tried(ReluSum("half of the gradient"), zeros=zeros))


def test_gradients_that_differ_on_purpose_are_declared() -> None:
    class Declared(ReluSum):
        surrogate_gradients: ClassVar[bool] = True

    with pytest.raises(UserError, match="declares surrogate_gradients = True"):
        check_gradient(tried(ReluSum("half of the gradient")))
    made = tried(Declared("half of the gradient"))
    assert check_gradient(made) == "its class has surrogate_gradients = True"
    assert check_use(made) is None


class Partly(nn.Module):
    """Two linear maps, the second of which is used as `how` says."""

    def __init__(self, how: str, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.how = how
        self.enter, self.inner = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        if how == "requires_grad_(False)":
            self.inner.requires_grad_(False)
        if how == "a gate of 0":
            self.gate = nn.Parameter(torch.zeros(()))
        if how == "two names":
            self.again = self.inner

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.enter(x))
        if self.how == "unused":
            return x
        if self.how == ".data":
            return x + nn.functional.linear(x, self.inner.weight.data, self.inner.bias)
        inner: Tensor = self.inner(x)
        if self.how == "two names":
            inner = self.again(inner)
        if self.how in ("detach()", "a gate of 0"):
            return x + (inner.detach() if self.how == "detach()" else self.gate * inner)
        return x + inner + (torch.randn_like(x) if self.how == "draws" else 0.0)


@dataclass(frozen=True)
class PartlyTrained(TorchModel):
    name = "partly"
    summary = "has weights that are perhaps not trained"
    how: str = ""

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        return Partly(self.how, input_size, hidden_size)


@pytest.mark.parametrize("how", ["detach()", ".data", "requires_grad_(False)"])
def test_a_weight_that_matters_and_has_no_gradient_is_refused(how: str) -> None:
    made = tried(PartlyTrained(how))
    with pytest.raises(UserError, match=r"the loss depends on inner\.\w+, but its gradient is zero: .*untrained = "):
        check_gradient(made)
    assert check_use(made) is None


@pytest.mark.parametrize("how", ["", "a gate of 0", "draws", "two names"])
def test_weights_that_are_trained_in_unusual_ways_pass(how: str) -> None:
    """Behind a gate that is 0 at first, the gradient is rightly 0 at first."""
    made = tried(PartlyTrained(how))
    assert check_gradient(made) is None
    assert check_use(made) is None


def test_weights_that_nothing_uses_are_a_warning() -> None:
    """A comparison at equal parameters counts them."""
    made = tried(PartlyTrained("unused"))
    assert check_gradient(made) is None
    with pytest.raises(ContractWarning, match=r"nothing depends on inner\.weight, inner\.bias, whose 72 parameters"):
        check_use(made)


def test_what_a_model_declares_to_leave_untrained_is_not_refused() -> None:
    class Declared(PartlyTrained):
        untrained: ClassVar[tuple[str, ...]] = ("inner.*",)

    for how in ("requires_grad_(False)", "unused"):
        made = tried(Declared(how))
        assert check_gradient(made) is None
        assert check_use(made) is None


def test_weights_between_steps_are_not_missed_where_there_is_one_step() -> None:
    made = tried(PartlyTrained("unused"))
    single = replace(made.split, inputs=made.split.inputs[:, :1])
    assert check_use(replace(made, split=single)) == "sequences have a single step"
