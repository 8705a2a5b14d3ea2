"""Layers one above the other, with dropout between them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class TorchStack(nn.Module):
    """Layers that map `(N, T, I)` to `(N, T, H)`; `layer(input_size, hidden_size)` makes each of them."""

    def __init__(
        self,
        layer: Callable[[int, int], nn.Module],
        input_size: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.layers = nn.ModuleList([layer(size, hidden_size) for size in sizes])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        for number, layer in enumerate(self.layers):
            x = layer(self.dropout(x) if number else x)
        return x


def wide(x: Tensor) -> Tensor:
    """At least float32: what is added up over many steps needs more than bfloat16's three digits."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def uniform(bound: float, *shape: int) -> nn.Parameter:
    """A parameter with entries U(±`bound`), as torch's recurrent layers start."""
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
