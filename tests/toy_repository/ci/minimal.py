"""The minimal gated unit (Zhou et al. 2016, arXiv:1603.09420): one gate, whose weights torch draws."""

from dataclasses import dataclass

import torch
from torch import nn

from bench.models.torch_model import TorchModel


class MinimalGatedUnit(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)
        for layer in (self.gate, self.candidate):
            nn.init.normal_(layer.weight, std=0.2)

    def forward(self, inputs):
        state = inputs.new_zeros(len(inputs), self.hidden_size)
        states = []
        for now in inputs.unbind(1):
            gate = torch.sigmoid(self.gate(torch.cat([now, state], 1)))
            candidate = torch.tanh(self.candidate(torch.cat([now, gate * state], 1)))
            state = (1 - gate) * state + gate * candidate
            states.append(state)
        return torch.stack(states, 1)


@dataclass(frozen=True)
class Minimal(TorchModel):
    name = "minimal"
    summary = "minimal gated unit"
    ignores = ("num_layers", "dropout")  # it is a single layer

    def core(self, input_size, hidden_size, num_layers, dropout):
        return MinimalGatedUnit(input_size, hidden_size)
