"""A model that ignores a setting is told from one that has another use for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch

from bench.models.contract import Ignorable, Settings
from bench.models.registry import MODELS
from bench.models.setting_checks import check_dropout, check_hidden_size, check_layers
from bench.models.small_problems import problems
from bench.models.torch_model import TorchModel
from bench.models.tried_model import TriedModel
from tasks.errors import UserError

SIZES = ((8, 1), (16, 1), (8, 2))


class Cell(torch.nn.Module):
    """One layer, run `times` over its own outputs."""

    def __init__(self, input_size: int, inner_size: int, hidden_size: int, times: int) -> None:
        super().__init__()
        self.times, self.enter = times, torch.nn.Linear(input_size, hidden_size)
        self.rnn, self.leave = torch.nn.GRU(hidden_size, inner_size), torch.nn.Linear(inner_size, hidden_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.enter(x)
        for _ in range(self.times):
            outputs = self.leave(self.rnn(outputs.transpose(0, 1))[0].transpose(0, 1))
        return outputs


@dataclass(frozen=True)
class Unusual(TorchModel):
    name = "unusual"
    summary = "layers that share their weights, of a width that is not the hidden size"
    ignores: ClassVar[tuple[Ignorable, ...]] = ()
    inner: int = 8

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        inner_size = self.inner // hidden_size if self.inner > 16 else self.inner
        return Cell(input_size, inner_size, hidden_size, num_layers)


def tried(model: TorchModel) -> TriedModel:
    problem, split = problems()["a prediction every step"]()
    return TriedModel(model, problem, split, Settings(8))


def test_layers_that_share_their_weights_are_layers() -> None:
    assert check_layers(tried(Unusual()), SIZES) is None


def test_fewer_parameters_with_more_units_are_refused() -> None:
    """A search for the size with a number of parameters could not find it."""
    assert check_hidden_size(tried(Unusual()), SIZES) is None
    with pytest.raises(
        UserError, match="hidden size 16 has 832 parameters, and hidden size 8 has 1,416: expected more"
    ):
        check_hidden_size(tried(Unusual(inner=128)), SIZES)


def test_what_a_model_declares_to_ignore_is_not_checked() -> None:
    class Declared(Unusual):
        ignores = ("hidden_size", "num_layers", "dropout")

    made = tried(Declared(inner=128))
    assert check_hidden_size(made, SIZES) == "it ignores hidden_size"
    assert check_layers(made, SIZES) == "it ignores num_layers"
    assert check_dropout(made, SIZES, 0.5) == "it ignores dropout"


def test_what_is_not_asked_for_is_not_checked() -> None:
    made = tried(Unusual(inner=128))
    assert check_hidden_size(made, ((8, 1), (16, 2))) == "one hidden size is asked for"
    assert check_layers(made, ((8, 1), (16, 1))) == "one number of layers is asked for"
    assert check_dropout(made, SIZES, 0.0) == "no dropout is asked for"
    assert check_dropout(made, SIZES[:2], 0.5) == "a single layer has none"
    with pytest.raises(UserError, match=r"dropout 0\.5 changes nothing in 2 layers"):
        check_dropout(made, SIZES, 0.5)


class Faint(torch.nn.Module):
    """A plain RNN whose outputs are so small that a head in bfloat16 rounds them away."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.rnn = torch.nn.RNN(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.rnn(x)[0]
        return 1e-5 * outputs


@dataclass(frozen=True)
class FaintModel(TorchModel):
    name = "faint"
    summary = "outputs near 0"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        return Faint(input_size, hidden_size, num_layers, dropout)


def test_an_effect_that_bfloat16_rounds_away_is_an_effect() -> None:
    made = tried(FaintModel())
    assert check_dropout(replace(made, settings=Settings(8, precision="bfloat16")), SIZES, 0.5) is None


@pytest.mark.parametrize("name", ["gru", "numpy_rnn", "lru", "attention", "esn"])
def test_bench_s_own_models_heed_their_settings(name: str) -> None:
    made = tried(MODELS.create(name))  # type: ignore[arg-type]
    found = [check_hidden_size(made, SIZES), check_layers(made, SIZES), check_dropout(made, SIZES, 0.5)]
    assert found == [None, None, "it ignores dropout" if name == "esn" else None]
