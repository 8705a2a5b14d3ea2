"""LSTM whose gates see the cell state (Gers & Schmidhuber 2000)."""

from dataclasses import dataclass

import torch

from bench.models.torch_model import TorchModel


class Layer(torch.nn.Module):
    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.enter, self.recur = torch.nn.Linear(inputs, 4 * units), torch.nn.Linear(units, 4 * units, bias=False)
        self.peep = torch.nn.Parameter(torch.zeros(3, units))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        entering, found = self.enter(x), []
        hidden = cell = torch.zeros_like(entering[:, 0, : self.peep.shape[1]])
        for step in entering.unbind(1):
            i, f, g, o = (step + self.recur(hidden)).chunk(4, dim=1)
            i, f = (i + self.peep[0] * cell).sigmoid(), (f + self.peep[1] * cell).sigmoid()
            cell = f * cell + i * g.tanh()
            hidden = (o + self.peep[2] * cell).sigmoid() * cell.tanh()
            found.append(hidden)
        return torch.stack(found, dim=1)


@dataclass(frozen=True)
class OwnPeephole(TorchModel):
    name = "own_peephole"
    summary = "LSTM with peepholes"
    ignores = ("dropout",)
    states = 2

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        return torch.nn.Sequential(*(Layer(size, hidden_size) for size in sizes))
