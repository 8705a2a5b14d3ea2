"""minGRU and minLSTM: recurrent nets whose gates see inputs alone, so that all steps can be computed at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.torch_model import TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class MinGRU(TorchModel):
    """minGRU (Feng et al. 2024): a third of a GRU's gates, no hidden state in them."""

    name = "mingru"
    summary = "minGRU: gates without the hidden state"
    states: ClassVar[int | None] = 1
    cites = ("feng2024",)

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        from bench.models.torch_cells.mingru import MinGRULayer
        from bench.models.torch_cells.stack import TorchStack

        return TorchStack(MinGRULayer, input_size, hidden_size, num_layers, dropout)


@dataclass(frozen=True)
class MinLSTM(TorchModel):
    """minLSTM (Feng et al. 2024): a forget and an input gate that add up to 1."""

    name = "minlstm"
    summary = "minLSTM: forget and input gate without the hidden state"
    states: ClassVar[int | None] = 1
    cites = ("feng2024",)

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        from bench.models.torch_cells.mingru import MinLSTMLayer
        from bench.models.torch_cells.stack import TorchStack

        return TorchStack(MinLSTMLayer, input_size, hidden_size, num_layers, dropout)
