"""A GRU with layer normalisation (Ba, Kiros & Hinton 2016, arXiv:1607.06450), in PyTorch's form of the GRU.

    r, z = σ(N(W x) + N(U h)),   n = tanh(N(W_n x) + r ⊙ N(U_n h)),   h' = (1 − z) ⊙ n + z ⊙ h

N normalises over the units of a gate, with a gain for each; the biases stand beside the inputs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models.torch_cells.stack import uniform


class LayerNormGRULayer(nn.Module):
    """One layer: 3·H·(I + H + 3) parameters."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(hidden_size)
        self.weight_ih = uniform(bound, 3 * hidden_size, input_size)
        self.weight_hh = uniform(bound, 3 * hidden_size, hidden_size)
        self.gain_ih, self.gain_hh = (nn.Parameter(torch.ones(3, hidden_size)) for _ in range(2))
        self.bias = uniform(bound, 3, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        count, steps, _ = x.shape
        size = self.bias.shape[1]
        inputs = _normalised((x @ self.weight_ih.T).view(count, steps, 3, size)) * self.gain_ih + self.bias
        hidden, found = torch.zeros_like(inputs[:, 0, 0]), []
        for step in inputs.unbind(dim=1):
            past = _normalised((hidden @ self.weight_hh.T).view(count, 3, size)) * self.gain_hh
            reset, keep = torch.sigmoid(step[:, :2] + past[:, :2]).unbind(dim=1)
            new = torch.tanh(step[:, 2] + reset * past[:, 2])
            hidden = new + keep * (hidden - new)
            found.append(hidden)
        return torch.stack(found, dim=1)


def _normalised(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:])
