"""The temporal convolutional network (Bai, Kolter & Koltun 2018, arXiv:1803.01271): dilated causal convolutions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models.torch_cells.stack import uniform


class CausalConvolution(nn.Module):
    """Over the current step and `kernel_size − 1` earlier ones, `dilation` apart; weight-normalised (Salimans & Kingma
    2016)."""

    def __init__(self, input_size: int, output_size: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(input_size * kernel_size)
        self.direction = uniform(bound, output_size, input_size, kernel_size)
        self.length = nn.Parameter(self.direction.detach().norm(dim=(1, 2), keepdim=True))
        self.bias = uniform(bound, output_size)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """`(N, I, T)` -> `(N, O, T)`."""
        weight = self.length * self.direction / self.direction.norm(dim=(1, 2), keepdim=True)
        past = (weight.shape[2] - 1) * self.dilation
        return functional.conv1d(functional.pad(x, (past, 0)), weight, self.bias, dilation=self.dilation)


class ResidualBlock(nn.Module):
    """relu(x + relu(conv(relu(conv(x))))), with a 1 × 1 convolution on x where the sizes differ."""

    def __init__(self, input_size: int, hidden_size: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.first = CausalConvolution(input_size, hidden_size, kernel_size, dilation)
        self.second = CausalConvolution(hidden_size, hidden_size, kernel_size, dilation)
        same = input_size == hidden_size
        self.resize: nn.Module = nn.Identity() if same else nn.Conv1d(input_size, hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.resize(x) + torch.relu(self.second(torch.relu(self.first(x)))))


class TCNLayer(nn.Module):
    """`levels` residual blocks with dilations 1, 2, 4, …: looks back 2·(kernel_size − 1)·(2^levels − 1) steps."""

    def __init__(self, input_size: int, hidden_size: int, kernel_size: int, levels: int) -> None:
        super().__init__()
        sizes = [input_size, *[hidden_size] * (levels - 1)]
        blocks = [ResidualBlock(size, hidden_size, kernel_size, 2**level) for level, size in enumerate(sizes)]
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.blocks(x.transpose(1, 2)).transpose(1, 2)
        return found
