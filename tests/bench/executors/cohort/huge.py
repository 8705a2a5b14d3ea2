"""A plug-in that asks for more memory than any machine or device has."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bench.models.torch_model import TorchModel


@dataclass(frozen=True)
class Huge(TorchModel):
    name = "huge"
    summary = "asks for a pebibyte in each call"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        return _Huge(input_size, hidden_size)


class _Huge(torch.nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(input_size, hidden_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.linear(x)
        return hidden + torch.empty(2**50, dtype=torch.uint8, device=x.device)[0]
