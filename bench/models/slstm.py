"""sLSTM: the LSTM of xLSTM with an exponential input gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.torch_model import TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Slstm(TorchModel):
    """sLSTM (Beck et al. 2024), one head."""

    name = "slstm"
    summary = "sLSTM of xLSTM: exponential input gate, normalised memory"
    states: ClassVar[int | None] = 4  # h, c, n and the scale
    cites = ("beck2024",)

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        from bench.models.torch_cells.slstm import SLSTMLayer
        from bench.models.torch_cells.stack import TorchStack

        return TorchStack(SLSTMLayer, input_size, hidden_size, num_layers, dropout)
