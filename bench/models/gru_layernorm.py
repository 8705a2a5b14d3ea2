"""A GRU with layer normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.torch_model import TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LayerNormGru(TorchModel):
    """GRU with layer normalisation of each gate (Ba et al. 2016)."""

    name = "gru_layernorm"
    summary = "GRU with layer normalisation in every gate"
    states: ClassVar[int | None] = 1
    cites = ("cho2014", "ba2016")

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        from bench.models.torch_cells.gru_layernorm import LayerNormGRULayer
        from bench.models.torch_cells.stack import TorchStack

        return TorchStack(LayerNormGRULayer, input_size, hidden_size, num_layers, dropout)
