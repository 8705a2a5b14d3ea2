"""A causal Transformer encoder: no recurrence, every earlier step in view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.contract import Group, Problem
from bench.models.torch_model import TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Attention(TorchModel):
    """Causal Transformer encoder with rotary positions (Vaswani et al. 2017; Su et al. 2021).

    heads: of which the hidden size is a multiple.
    """

    name = "attention"
    summary = "causal Transformer encoder with rotary positions, no recurrence"
    cites = ("vaswani2017", "su2021")
    group: ClassVar[Group] = "without recurrence"

    heads: int = 4

    def __post_init__(self) -> None:
        if self.heads < 1:
            raise ValueError(f"expected heads >= 1, not {self.heads}")

    def sizes(self, largest: int) -> range:
        """The multiples of `heads`, so that all heads have the same whole number of units."""
        return range(self.heads, largest + 1, self.heads)

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        from torch import nn

        from bench.models.torch_cells.attention import AttentionLayer
        from bench.models.torch_cells.stack import TorchStack

        def layer(_: int, size: int) -> nn.Module:
            return AttentionLayer(size, self.heads)

        stack = TorchStack(layer, hidden_size, hidden_size, num_layers, dropout)
        return nn.Sequential(nn.Linear(input_size, hidden_size), stack, nn.LayerNorm(hidden_size))

    def state_size(self, problem: Problem, hidden_size: int, num_layers: int) -> int:
        """Keys and values of all earlier steps, at the last one."""
        return num_layers * 2 * (problem.sequence_length - 1) * hidden_size
