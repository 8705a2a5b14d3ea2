"""Causal attention with positions that are learned, so it has to know how long sequences are; whole heads only."""

from dataclasses import dataclass

import torch

from bench.models.torch_model import TorchModel

HEADS = 4


class Encoder(torch.nn.Module):
    def __init__(self, inputs: int, units: int, layers: int, steps: int) -> None:
        super().__init__()
        self.embed = torch.nn.Linear(inputs, units)
        self.places = torch.nn.Parameter(0.02 * torch.randn(steps, units))
        layer = torch.nn.TransformerEncoderLayer(units, HEADS, 2 * units, 0.0, batch_first=True, norm_first=True)
        self.layers = torch.nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps = x.shape[1]
        ahead = torch.ones(steps, steps, dtype=torch.bool, device=x.device).triu(1)
        return self.layers(self.embed(x) + self.places[:steps], mask=ahead)


@dataclass(frozen=True)
class OwnAttention(TorchModel):
    name = "own_attention"
    summary = "causal Transformer encoder with learned positions"
    ignores = ("dropout",)
    group = "without recurrence"

    def core(self, input_size, hidden_size, num_layers, dropout, sequence_length):
        return Encoder(input_size, hidden_size, num_layers, sequence_length)

    def sizes(self, largest):
        return range(HEADS, largest + 1, HEADS)

    def state_size(self, problem, hidden_size, num_layers):
        return 2 * hidden_size * num_layers * (problem.sequence_length - 1)
