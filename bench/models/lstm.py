"""`nn.LSTM` with a linear head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.contract import Group, ParameterCount, Problem
from bench.models.sizing import parameter_count
from bench.models.torch_model import TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Lstm(TorchModel):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000), no peepholes."""

    name = "lstm"
    summary = "torch nn.LSTM: three gates and a separate memory cell"
    states: ClassVar[int | None] = 2  # h and c
    cites = ("hochreiter1997", "gers2000")
    group: ClassVar[Group] = "standard"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        import torch

        return torch.nn.LSTM(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout)

    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        return parameter_count("lstm", problem, hidden_size, num_layers)
