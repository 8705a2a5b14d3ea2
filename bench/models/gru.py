"""`nn.GRU` with a linear head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.contract import Group, Model, ParameterCount, Problem
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

    def faster_on_cpu(self) -> Model | None:
        """A training step takes 0.22 to 0.55 of the time (default tasks, hidden 16 to 64, 1 and 2 layers)."""
        from bench.models.numpy_gru import NumpyGRU

        return NumpyGRU() if type(self) is Gru else None

    def stacked_on_gpu(self) -> Model | None:
        """How much less time a training takes: not measured."""
        from bench.models.torch_learner.stacked.twins import GruInStack

        return GruInStack() if type(self) is Gru else None
