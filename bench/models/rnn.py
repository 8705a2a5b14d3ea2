"""`nn.RNN` with a linear head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from bench.models.contract import Group, ParameterCount, Problem
from bench.models.sizing import parameter_count
from bench.models.torch_model import TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Rnn(TorchModel):
    """Plain recurrent net (Elman 1990): h_t = nonlinearity(W x_t + U h_{t-1} + b)."""

    name = "rnn"
    summary = "torch nn.RNN: no gates; nonlinearity tanh or relu"
    states: ClassVar[int | None] = 1
    cites = ("elman1990",)
    group: ClassVar[Group] = "standard"
    nonlinearity: Literal["tanh", "relu"] = "tanh"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        import torch

        return torch.nn.RNN(
            input_size, hidden_size, num_layers, nonlinearity=self.nonlinearity, batch_first=True, dropout=dropout
        )

    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        return parameter_count("rnn", problem, hidden_size, num_layers)
