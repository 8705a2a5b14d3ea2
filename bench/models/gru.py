"""`nn.GRU` with a linear head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.contract import Group, ParameterCount, Problem
from bench.models.sizing import parameter_count
from bench.models.torch_model import TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Gru(TorchModel):
    """Gated recurrent unit (Cho et al. 2014), in PyTorch's form: the reset gate acts after the product with U_n."""

    name = "gru"
    summary = "torch nn.GRU: two gates, one state"
    states: ClassVar[int | None] = 1
    cites = ("cho2014",)
    group: ClassVar[Group] = "standard"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        import torch

        return torch.nn.GRU(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout)

    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        return parameter_count("gru", problem, hidden_size, num_layers)
