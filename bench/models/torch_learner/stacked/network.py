"""The recurrent layers and the linear heads of N trainings: outputs, and the gradients of all weights."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bench.models.torch_learner.stacked.layers import StackedLayer, Tape, project, rows_of_each
from bench.models.torch_learner.stacked.weights import WeightLayout


class Passed(NamedTuple):
    """What a forward pass leaves for the backward pass. hidden: what the heads saw, `(T or 1, B, N, H)`."""

    tapes: list[Tape]
    hidden: Tensor
    lengths: Tensor | None


class StackedNetwork:
    """Layers of one kind and a head; it has no weights of its own.

    per_step: outputs at every step; else at the last one, or the last of a sequence of the given length.
    """

    def __init__(self, layer: StackedLayer, layout: WeightLayout, per_step: bool) -> None:
        self.layer, self.layout, self.per_step = layer, layout, per_step

    @torch.no_grad()
    def forward(self, weights: Tensor, inputs: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Passed]:
        """Raw outputs `([T,] B, N, O)`. weights: `(N, P)`. inputs: `(T, B, N, I)`. lengths: `(B, N)`."""
        tapes: list[Tape] = []
        for layer in self.layout.layers(weights):
            tapes.append(self.layer.forward(layer, inputs))
            inputs = tapes[-1].outputs
        hidden = inputs
        if not self.per_step:
            hidden = inputs[-1:] if lengths is None else inputs.gather(0, _last(lengths, inputs))
        views = self.layout.views(weights)
        outputs = project(hidden, views["head.weight"], views["head.bias"])
        return outputs if self.per_step else outputs[0], Passed(tapes, hidden, lengths)

    @torch.no_grad()
    def backward(self, weights: Tensor, passed: Passed, gradient: Tensor, gradients: Tensor) -> None:
        """Write the gradients of all weights, `(N, P)`. gradient: of the outputs, in their shape."""
        rows = rows_of_each(gradient if self.per_step else gradient.unsqueeze(0))
        head, to_head = self.layout.views(weights)["head.weight"], self.layout.views(gradients)
        torch.bmm(rows.transpose(1, 2), rows_of_each(passed.hidden), out=to_head["head.weight"])
        torch.sum(rows, 1, out=to_head["head.bias"])
        to_hidden = passed.hidden.new_empty(passed.hidden.shape)
        torch.bmm(rows, head, out=rows_of_each(to_hidden))
        each: Tensor | None = None
        if self.per_step:
            each = to_hidden
        elif passed.lengths is not None:
            outputs = passed.tapes[-1].outputs
            each = torch.zeros_like(outputs).scatter_(0, _last(passed.lengths, outputs), to_hidden)
        layers = list(zip(self.layout.layers(weights), passed.tapes, self.layout.layers(gradients), strict=True))
        for number, (layer, tape, to_layer) in reversed(list(enumerate(layers))):
            last = to_hidden[0] if each is None else None
            each = self.layer.backward(layer, tape, to_layer, each=each, last=last, wants_inputs=number > 0)


def _last(lengths: Tensor, outputs: Tensor) -> Tensor:
    """The index `(1, B, N, H)` of each sequence's last real step."""
    return (lengths - 1).view(1, *lengths.shape, 1).expand(1, -1, -1, outputs.shape[3])
