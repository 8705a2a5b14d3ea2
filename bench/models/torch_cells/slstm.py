"""sLSTM (Beck et al. 2024, "xLSTM", arXiv:2405.04517, section 2.2): an LSTM whose input gate is exponential.

    z = tanh(ẑ), o = σ(ô), i = exp(î), f = σ(f̂);   c' = f·c + i·z,   n' = f·n + i,   h' = o·c'/n'

c and n are kept divided by exp(m), m' = max(log f + m, î), which changes no output and keeps exp from overflowing. One
head, so every unit sees every other.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models.torch_cells.stack import uniform, wide


class SLSTMLayer(nn.Module):
    """One layer: 4·H·(I + H + 1) parameters. Rows are z, i, f, o; the forget bias starts at 1."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(hidden_size)
        self.linear = nn.Linear(input_size, 4 * hidden_size)
        self.recurrent = uniform(bound, 4 * hidden_size, hidden_size)
        with torch.no_grad():
            self.linear.bias[2 * hidden_size : 3 * hidden_size] = 1.0

    def forward(self, x: Tensor) -> Tensor:
        inputs = self.linear(x)
        hidden = torch.zeros_like(inputs[:, 0, : self.recurrent.shape[1]])
        cell = total = torch.zeros_like(wide(hidden))
        scale = torch.full_like(cell, -math.inf)  # nothing is kept yet, so the first input sets the scale
        found = []
        for step in inputs.unbind(dim=1):
            value, enter, forget, leave = wide(step + hidden @ self.recurrent.T).chunk(4, dim=-1)
            kept = functional.logsigmoid(forget) + scale
            scale = torch.maximum(kept, enter)
            keep, enter = (kept - scale).exp(), (enter - scale).exp()
            cell, total = keep * cell + enter * torch.tanh(value), keep * total + enter
            hidden = (torch.sigmoid(leave) * cell / total).to(hidden.dtype)
            found.append(hidden)
        return torch.stack(found, dim=1)
