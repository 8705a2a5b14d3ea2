"""IndRNN: a plain RNN whose units see their own past alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.torch_model import TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class IndRNN(TorchModel):
    """Independently recurrent net (Li et al. 2018), with relu."""

    name = "indrnn"
    summary = "IndRNN: relu, each unit sees its own past alone"
    states: ClassVar[int | None] = 1
    cites = ("li2018",)

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        from bench.models.torch_cells.indrnn import IndRNNLayer
        from bench.models.torch_cells.stack import TorchStack

        return TorchStack(IndRNNLayer, input_size, hidden_size, num_layers, dropout)
