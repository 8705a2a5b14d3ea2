"""minGRU and minLSTM (Feng et al. 2024, "Were RNNs All We Needed?", arXiv:2410.01201): gates that see inputs alone.

    minGRU    h_t = (1 − z_t)·h_(t−1) + z_t·g(v_t),               z = σ(W_z x + b_z), v = W_h x + b_h
    minLSTM   h_t = f'_t·h_(t−1) + i'_t·g(v_t),                   f' = f/(f + i), i' = i/(f + i)

with g(v) = v + 1/2 for v ≥ 0, else σ(v), which is above 0, so that all steps are computed at once as sums of
exponentials (Heinsen 2023, arXiv:2311.06281). h_0 = 0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models.torch_cells.stack import wide


def log_space_scan(log_factors: Tensor, log_values: Tensor) -> Tensor:
    """h_t = exp(log_factors_t)·h_(t−1) + exp(log_values_t) from h_0 = 0, for all t at once: `(N, T, H)` each."""
    decay = log_factors.cumsum(dim=1)
    return (decay + torch.logcumsumexp(log_values - decay, dim=1)).exp()


def log_g(v: Tensor) -> Tensor:
    """Logarithm of g(v), which is v + 1/2 for v ≥ 0, else σ(v)."""
    return torch.where(v >= 0, (functional.relu(v) + 0.5).log(), functional.logsigmoid(v))


class MinGRULayer(nn.Module):
    """One layer: 2·H·(I + 1) parameters."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, 2 * hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = wide(self.linear(x)).chunk(2, dim=-1)
        hidden = log_space_scan(functional.logsigmoid(-gate), functional.logsigmoid(gate) + log_g(value))
        return hidden.to(x.dtype)


class MinLSTMLayer(nn.Module):
    """One layer: 3·H·(I + 1) parameters."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, 3 * hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        forget, enter, value = wide(self.linear(x)).chunk(3, dim=-1)
        # log f/(f + i) and log i/(f + i) from log(i/f)
        ratio = functional.logsigmoid(enter) - functional.logsigmoid(forget)
        hidden = log_space_scan(functional.logsigmoid(-ratio), functional.logsigmoid(ratio) + log_g(value))
        return hidden.to(x.dtype)
