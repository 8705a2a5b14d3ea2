"""minGRU and minLSTM (Feng et al. 2024, "Were RNNs All We Needed?", arXiv:2410.01201): gates that see inputs alone.

    minGRU    h_t = (1 − z_t)·h_(t−1) + z_t·g(v_t),               z = σ(W_z x + b_z), v = W_h x + b_h
    minLSTM   h_t = f'_t·h_(t−1) + i'_t·g(v_t),                   f' = f/(f + i), i' = i/(f + i)

with g(v) = v + 1/2 for v ≥ 0, else σ(v), and h_0 = 0. As g(v) is above 0, all steps can be computed at once as sums of
exponentials (Heinsen 2023, arXiv:2311.06281). A GPU does so; on a CPU one step after the other is sooner done.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models.torch_cells.stack import wide


def in_turn(gate: Tensor, value: Tensor) -> Tensor:
    """h_t = (1 − z_t)·h_(t−1) + z_t·g(v_t) with z = σ(gate), v = value, step by step: `(N, T, H)` each."""
    enter = torch.sigmoid(gate) * torch.where(value >= 0, value + 0.5, torch.sigmoid(value))
    hidden, found = torch.zeros_like(enter[:, 0]), []
    for kept, added in zip(torch.sigmoid(-gate).unbind(dim=1), enter.unbind(dim=1), strict=True):
        hidden = torch.addcmul(added, kept, hidden)
        found.append(hidden)
    return torch.stack(found, dim=1)


def at_once(gate: Tensor, value: Tensor) -> Tensor:
    """The same for all t at once, in logarithms."""
    log_g = torch.where(value >= 0, (functional.relu(value) + 0.5).log(), functional.logsigmoid(value))
    decay = functional.logsigmoid(-gate).cumsum(dim=1)
    return (decay + torch.logcumsumexp(functional.logsigmoid(gate) + log_g - decay, dim=1)).exp()


def gated_mean(gate: Tensor, value: Tensor) -> Tensor:
    """What a layer answers, by the way that is the faster one where its tensors are."""
    return at_once(gate, value) if gate.is_cuda else in_turn(gate, value)


class MinGRULayer(nn.Module):
    """One layer: 2·H·(I + 1) parameters."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, 2 * hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = wide(self.linear(x)).chunk(2, dim=-1)
        return gated_mean(gate, value).to(x.dtype)


class MinLSTMLayer(nn.Module):
    """One layer: 3·H·(I + 1) parameters."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, 3 * hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        forget, enter, value = wide(self.linear(x)).chunk(3, dim=-1)
        # i' = σ(log(i/f)) and f' = 1 − i'
        ratio = functional.logsigmoid(enter) - functional.logsigmoid(forget)
        return gated_mean(ratio, value).to(x.dtype)
