"""Causal convolutions with dilations 1, 2, 4, …; how wide they are is searched."""

from dataclasses import dataclass

import torch

from bench.models.ranges import Choice
from bench.models.torch_model import TorchModel


class Layer(torch.nn.Module):
    def __init__(self, inputs: int, units: int, width: int, dilation: int) -> None:
        super().__init__()
        self.past = (width - 1) * dilation
        self.conv = torch.nn.Conv1d(inputs, units, width, dilation=dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(x.transpose(1, 2), (self.past, 0))
        return self.conv(padded).transpose(1, 2).relu()


@dataclass(frozen=True)
class OwnTCN(TorchModel):
    name = "own_tcn"
    summary = "dilated causal convolutions"
    ignores = ("dropout",)
    group = "without recurrence"
    width: int = Choice(2, 3)

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        return torch.nn.Sequential(
            *(Layer(size, hidden_size, self.width, 2**level) for level, size in enumerate(sizes))
        )

    def state_size(self, problem, hidden_size, num_layers):
        return sum((self.width - 1) * 2**level * hidden_size for level in range(num_layers))
