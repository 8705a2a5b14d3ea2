"""The linear recurrent unit (Orvieto et al. 2023, "Resurrecting Recurrent Neural Networks for Long Sequences").

    s_t = λ ⊙ s_(t−1) + γ ⊙ B u_t,   y_t = Re(C s_t) + D ⊙ u_t,   λ = exp(−exp(ν) + i·exp(θ)), γ = √(1 − |λ|²) at first

s is complex, one number a hidden unit. A layer is the paper's block: normalise, recur, a gated linear unit, and add the
input. (Layer normalisation where the paper has batch normalisation, which would mix sequences.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models.torch_cells.stack import wide

LARGEST_PHASE = 2 * math.pi


def diagonal_scan(factor: Tensor, values: Tensor) -> Tensor:
    """s_t = factor ⊙ s_(t−1) + values_t from s_0 = 0 in log₂(T) steps (Hillis & Steele 1986).

    factor: `(H,)`, values: `(N, T, H)`. After k steps each s_t holds its last 2^k terms.
    """
    shift = 1
    while shift < values.shape[1]:
        values = torch.cat([values[:, :shift], values[:, shift:] + factor * values[:, :-shift]], dim=1)
        factor, shift = factor * factor, 2 * shift
    return values


class LRU(nn.Module):
    """The recurrence alone, H -> H. |λ| lies between `r_min` and `r_max` at first, uniformly on the ring's area."""

    def __init__(self, size: int, r_min: float, r_max: float) -> None:
        super().__init__()
        radius = torch.rand(size) * (r_max**2 - r_min**2) + r_min**2  # squared
        radius = radius.clamp(1e-6, 1 - 1e-6)
        self.nu = nn.Parameter((-0.5 * radius.log()).log())
        self.theta = nn.Parameter((LARGEST_PHASE * torch.rand(size).clamp_min(1e-6)).log())
        self.gamma = nn.Parameter(0.5 * (1 - radius).log())
        self.b = nn.Parameter(torch.randn(2, size, size) / math.sqrt(2 * size))  # real and imaginary part
        self.c = nn.Parameter(torch.randn(2, size, size) / math.sqrt(size))
        self.d = nn.Parameter(torch.randn(size))

    def forward(self, u: Tensor) -> Tensor:
        factor = torch.polar((-self.nu.exp()).exp(), self.theta.exp())
        real, imaginary = (wide(u @ part.T) * self.gamma.exp() for part in self.b)
        state = diagonal_scan(factor, torch.complex(real, imaginary))
        return state.real @ self.c[0].T - state.imag @ self.c[1].T + self.d * u


class LRULayer(nn.Module):
    """x + GLU(gelu(LRU(norm(x)))). H -> H."""

    def __init__(self, hidden_size: int, r_min: float, r_max: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden_size)
        self.recur = LRU(hidden_size, r_min, r_max)
        self.gate = nn.Linear(hidden_size, 2 * hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return x + functional.glu(self.gate(functional.gelu(self.recur(self.norm(x)))), dim=-1)
