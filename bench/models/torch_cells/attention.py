"""A causal Transformer encoder (Vaswani et al. 2017), normalised before each part (Xiong et al. 2020).

Positions are rotary (Su et al. 2021, arXiv:2104.09864): queries and keys are turned by an angle that grows with the
step, so that their product depends on how far apart two steps are, at any length.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOWEST = 10_000.0  # wave length of the slowest rotation, in steps over 2π
WIDER = 4  # hidden units of the two-layer net, for each unit of the model


def rotated(x: Tensor) -> Tensor:
    """`(N, heads, T, D)` turned in pairs of entries, step t by t·SLOWEST^(−2i/D) for pair i; an odd last one stays."""
    half, exact = x.shape[-1] // 2, torch.float64 if x.dtype == torch.float64 else torch.float32
    steps = torch.arange(x.shape[-2], device=x.device, dtype=exact)
    speeds = SLOWEST ** (-torch.arange(half, device=x.device, dtype=exact) / max(half, 1))
    sine, cosine = ((steps[:, None] * speeds).sin().to(x.dtype), (steps[:, None] * speeds).cos().to(x.dtype))
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine, rest], dim=-1)


class AttentionLayer(nn.Module):
    """x + attention(norm(x)), then x + net(norm(x)). H -> H."""

    def __init__(self, hidden_size: int, heads: int) -> None:
        super().__init__()
        if hidden_size % heads:
            raise ValueError(f"expected a hidden size that is a multiple of {heads} heads, not {hidden_size}")
        self.heads = heads
        self.norm_attention, self.norm_net = nn.LayerNorm(hidden_size), nn.LayerNorm(hidden_size)
        self.project = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.mix = nn.Linear(hidden_size, hidden_size)
        wider = WIDER * hidden_size
        self.net = nn.Sequential(nn.Linear(hidden_size, wider), nn.GELU(), nn.Linear(wider, hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mix(self._attend(self.norm_attention(x)))
        found: Tensor = x + self.net(self.norm_net(x))
        return found

    def _attend(self, x: Tensor) -> Tensor:
        count, steps, size = x.shape
        split = self.project(x).view(count, steps, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)  # (N, heads, T, D) each
        seen = functional.scaled_dot_product_attention(rotated(query), rotated(key), value, is_causal=True)
        return seen.transpose(1, 2).reshape(count, steps, size)
