"""A diagonal linear recurrence with real factors, whose longest memory is searched."""

from dataclasses import dataclass

import torch

from bench.models.ranges import Range
from bench.models.torch_model import TorchModel


class Layer(torch.nn.Module):
    def __init__(self, inputs: int, units: int, longest: float) -> None:
        super().__init__()
        factor = torch.linspace(0.1, longest, units)
        self.logit = torch.nn.Parameter((factor / (1 - factor)).log())
        self.enter, self.leave = torch.nn.Linear(inputs, units), torch.nn.Linear(units, units)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        factor, state, found = self.logit.sigmoid(), torch.zeros_like(self.enter(x[:, 0])), []
        for step in self.enter(x).unbind(1):
            state = factor * state + (1 - factor**2).sqrt() * step
            found.append(state)
        return torch.nn.functional.gelu(self.leave(torch.stack(found, dim=1)))


@dataclass(frozen=True)
class OwnLRU(TorchModel):
    name = "own_lru"
    summary = "diagonal linear recurrence"
    ignores = ("dropout",)
    states = 1
    longest: float = Range(0.9, 0.999)

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        return torch.nn.Sequential(*(Layer(size, hidden_size, self.longest) for size in sizes))
