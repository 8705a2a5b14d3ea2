"""minGRU (Feng et al. 2024) step by step: h_t = (1 − z_t) h_(t−1) + z_t h̃_t, gates without the state."""

from dataclasses import dataclass

import torch

from bench.models.torch_model import TorchModel


class Layer(torch.nn.Module):
    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.gate, self.value = torch.nn.Linear(inputs, units), torch.nn.Linear(inputs, units)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, value = self.gate(x).sigmoid(), self.value(x)
        hidden, found = torch.zeros_like(gate[:, 0]), []
        for z, new in zip(gate.unbind(1), value.unbind(1), strict=True):
            hidden = (1 - z) * hidden + z * new
            found.append(hidden)
        return torch.stack(found, dim=1)


@dataclass(frozen=True)
class OwnMinGRU(TorchModel):
    name = "own_mingru"
    summary = "minGRU, step by step"
    ignores = ("dropout",)
    states = 1

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        return torch.nn.Sequential(*(Layer(size, hidden_size) for size in sizes))
