"""A gradient that is not that of the loss is told from one at a kink of the loss, where there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.models.contract import Settings
from bench.models.gradient_checks import check_gradient
from bench.models.small_problems import problems
from bench.models.torch_model import TorchModel
from bench.models.tried_model import TriedModel
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
