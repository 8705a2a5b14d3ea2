"""A field that is searched must change something; what acts on the optimiser alone does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from bench.models.contract import Settings
from bench.models.field_checks import check_fields
from bench.models.ranges import Range
from bench.models.registry import MODELS
from bench.models.small_problems import problems
from bench.models.torch_model import ParameterGroup, TorchModel
from bench.models.tried_model import TriedModel
from tasks.checking import ContractWarning


class Scaled(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, scale: float) -> None:
        super().__init__()
        self.enter, self.scale = nn.Linear(input_size, hidden_size), scale

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.enter(x)) * self.scale


@dataclass(frozen=True)
class ScaledModel(TorchModel):
    name = "scaled"
    summary = "a scale, and a rate of its own"
    scale: float = Range(0.5, 1.5)
    rate: float = Range(0.1, 1.0, log=True)
    number: float = 1.0

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        return Scaled(input_size, hidden_size, self.scale)

    def parameter_groups(self, core: nn.Module) -> Sequence[ParameterGroup]:
        return [ParameterGroup([core.enter.weight], rate=self.rate)]  # type: ignore[list-item, union-attr]


class Forgotten(ScaledModel):
    """Its core is always made with the same scale."""

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
        return Scaled(input_size, hidden_size, 1.0)


def tried(model: ScaledModel) -> TriedModel:
    problem, split = problems()["one prediction a sequence"]()
    return TriedModel(model, problem, split, Settings(8))


def test_a_field_that_changes_nothing_is_named() -> None:
    assert check_fields(tried(ScaledModel(1.0, 1.0))) is None
    with pytest.raises(ContractWarning, match=r"scale \(0\.5 to 1\.5\) changes nothing in 2 steps"):
        check_fields(tried(Forgotten(1.0, 1.0)))


def test_a_value_of_the_range_that_fails_is_named() -> None:
    class Short(ScaledModel):
        def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
            if self.scale > 1:
                raise ValueError("no such scale")
            return super().core(input_size, hidden_size, num_layers, dropout)

    with pytest.raises(ValueError, match=r"with scale = 1\.5, no such scale"):
        check_fields(tried(Short(1.0, 1.0)))


@pytest.mark.parametrize("name", ["esn", "gru"])
def test_bench_s_own_fields_have_an_effect(name: str) -> None:
    made = tried(MODELS.create(name))  # type: ignore[arg-type]
    assert check_fields(made) == (None if name == "esn" else "no field declares a Range")
