"""The independently recurrent net (Li et al. 2018, arXiv:1803.04831): h_t = relu(W x_t + u ⊙ h_(t−1) + b)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class IndRNNLayer(nn.Module):
    """One layer: H·(I + 2) parameters. Each unit sees its own past alone; its weight starts at U(0, 1)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, hidden_size)
        self.own = nn.Parameter(torch.rand(hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        inputs = self.linear(x)
        hidden, found = torch.zeros_like(inputs[:, 0]), []
        for step in inputs.unbind(dim=1):
            hidden = torch.relu(step + self.own * hidden)
            found.append(hidden)
        return torch.stack(found, dim=1)
