"""Recurrent layers of N trainings at once: forward, and a backward pass written out.

Tensors have the time first and the training (n) next to last, `(T, B, N, …)`, so that the rows of one time step lie
together for the point-wise kernels, and the rows of one training are an evenly strided matrix for a batched product.
What a step launches: two kernels forward, two backward, and one more where a gradient arrives at every step. All else
is done once a sequence.

The equations are those of `nn.GRU`, `nn.LSTM` and `nn.RNN` (torch's documentation), with their names and layouts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from bench.models.torch_learner.stacked import pointwise


class LayerWeights(NamedTuple):
    """One layer's weights of all trainings, or where their gradients go; G gates.

    input: `(N, G·H, I)`. hidden: `(N, G·H, H)`. input_bias, hidden_bias: `(N, G·H)`.
    """

    input: Tensor
    hidden: Tensor
    input_bias: Tensor
    hidden_bias: Tensor


class Tape(NamedTuple):
    """What the backward pass of a layer needs. inputs: `(T, B, N, I)`; outputs: `(T, B, N, H)`; kept: a cell's own."""

    inputs: Tensor
    outputs: Tensor
    kept: Any


class StackedLayer(ABC):
    """A kind of recurrent layer. It has no state: weights are arguments, and gradients are written where one says."""

    gates: ClassVar[int]

    @abstractmethod
    def forward(self, weights: LayerWeights, inputs: Tensor) -> Tape:
        """Run from a state of zeros. inputs: `(T, B, N, I)`. Call it where no gradient is recorded."""

    @abstractmethod
    def _through_time(
        self, weights: LayerWeights, tape: Tape, each: Tensor | None, last: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Gradients of the input gates and of the hidden gates, `(T, B, N, G·H)` each."""

    def backward(
        self,
        weights: LayerWeights,
        tape: Tape,
        gradients: LayerWeights,
        *,
        each: Tensor | None = None,
        last: Tensor | None = None,
        wants_inputs: bool = False,
    ) -> Tensor | None:
        """Write the gradients of the weights; return that of the inputs `(T, B, N, I)` where it is wanted.

        each: of the outputs, `(T, B, N, H)`; it is overwritten. last: of the last step's output alone, `(B, N, H)`.
        """
        to_input, to_hidden = self._through_time(weights, tape, each, last)
        steps = rows_of_each(to_input)
        torch.bmm(steps.transpose(1, 2), rows_of_each(tape.inputs), out=gradients.input)
        torch.bmm(rows_of_each(to_hidden[1:]).transpose(1, 2), rows_of_each(tape.outputs[:-1]), out=gradients.hidden)
        torch.sum(to_input.flatten(0, 1), 0, out=gradients.input_bias)
        if to_hidden is to_input:
            gradients.hidden_bias.copy_(gradients.input_bias)
        else:
            torch.sum(to_hidden.flatten(0, 1), 0, out=gradients.hidden_bias)
        if not wants_inputs:
            return None
        to_inputs = torch.empty_like(tape.inputs)
        torch.bmm(steps, weights.input, out=rows_of_each(to_inputs))
        return to_inputs


class StackedGru(StackedLayer):
    gates: ClassVar[int] = 3

    def forward(self, weights: LayerWeights, inputs: Tensor) -> Tape:
        size = weights.hidden.shape[2]
        # the two biases of reset and update are added up; the new gate's stay apart, as reset acts on one of them
        added, apart = weights.input_bias.clone(), weights.hidden_bias.clone()
        added[:, : 2 * size].add_(apart[:, : 2 * size])
        apart[:, : 2 * size].zero_()
        input_gates = project(inputs, weights.input, added)
        hidden_gates = apart.expand(*input_gates.shape).contiguous()
        hidden, recurrent = inputs.new_zeros(*inputs.shape[1:3], size), weights.hidden.transpose(1, 2)
        outputs, workspaces = [], []
        for t in range(len(inputs)):
            if t:
                _by_training(hidden_gates[t]).baddbmm_(_by_training(hidden), recurrent)
            new, workspace = pointwise.gru_step(_flat(input_gates[t]), _flat(hidden_gates[t]), _flat(hidden))
            hidden = new.view_as(hidden)
            outputs.append(hidden)
            workspaces.append(workspace)
        return Tape(inputs, torch.stack(outputs), workspaces)

    def _through_time(
        self, weights: LayerWeights, tape: Tape, each: Tensor | None, last: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        to_input, to_hidden = [], []
        gradient = last if each is None else each[-1]
        for t in reversed(range(len(tape.outputs))):
            assert gradient is not None
            found = pointwise.gru_step_backward(_flat(gradient), tape.kept[t])
            to_input.append(found[0])
            to_hidden.append(found[1])
            if t:
                gradient = found[2].view_as(gradient)
                if each is not None:
                    gradient.add_(each[t - 1])
                gates = found[1].view(*gradient.shape[:2], -1)
                _by_training(gradient).baddbmm_(_by_training(gates), weights.hidden)
        shape = (*tape.outputs.shape[:3], -1)
        return torch.stack(to_input[::-1]).view(shape), torch.stack(to_hidden[::-1]).view(shape)


class StackedLstm(StackedLayer):
    gates: ClassVar[int] = 4

    def forward(self, weights: LayerWeights, inputs: Tensor) -> Tape:
        size = weights.hidden.shape[2]
        input_gates = project(inputs, weights.input, weights.input_bias + weights.hidden_bias)
        hidden_gates, recurrent = torch.zeros_like(input_gates[0]), weights.hidden.transpose(1, 2)
        cells = [inputs.new_zeros(input_gates[0].numel() // (4 * size), size)]
        outputs: list[Tensor] = []
        workspaces = []
        for t in range(len(inputs)):
            if t:
                torch.bmm(_by_training(outputs[-1]), recurrent, out=_by_training(hidden_gates))
            new, cell, workspace = pointwise.lstm_step(_flat(input_gates[t]), _flat(hidden_gates), cells[-1])
            outputs.append(new.view(*inputs.shape[1:3], size))
            cells.append(cell)
            workspaces.append(workspace)
        return Tape(inputs, torch.stack(outputs), (cells, workspaces))

    def _through_time(
        self, weights: LayerWeights, tape: Tape, each: Tensor | None, last: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        cells, workspaces = tape.kept
        to_gates, to_cell = [], None
        gradient = last if each is None else each[-1]
        for t in reversed(range(len(tape.outputs))):
            assert gradient is not None
            gates, to_cell = pointwise.lstm_step_backward(
                _flat(gradient), to_cell, cells[t], cells[t + 1], workspaces[t]
            )
            to_gates.append(gates)
            if t:
                gradient = _back(gates.view(*gradient.shape[:2], -1), weights.hidden, each, t)
        found = torch.stack(to_gates[::-1]).view(*tape.outputs.shape[:3], -1)
        return found, found


class StackedRnn(StackedLayer):
    gates: ClassVar[int] = 1

    def __init__(self, nonlinearity: Literal["tanh", "relu"] = "tanh") -> None:
        self.nonlinearity = nonlinearity

    def forward(self, weights: LayerWeights, inputs: Tensor) -> Tape:
        outputs = project(inputs, weights.input, weights.input_bias + weights.hidden_bias)
        recurrent = weights.hidden.transpose(1, 2)
        squash = torch.tanh_ if self.nonlinearity == "tanh" else torch.relu_
        for t in range(len(inputs)):
            if t:
                _by_training(outputs[t]).baddbmm_(_by_training(outputs[t - 1]), recurrent)
            squash(outputs[t])
        return Tape(inputs, outputs, None)

    def _through_time(
        self, weights: LayerWeights, tape: Tape, each: Tensor | None, last: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        found = torch.empty_like(tape.outputs)
        gradient = last if each is None else each[-1]
        for t in reversed(range(len(found))):
            assert gradient is not None
            if self.nonlinearity == "tanh":
                torch.ops.aten.tanh_backward.grad_input(gradient, tape.outputs[t], grad_input=found[t])
            else:
                torch.ops.aten.threshold_backward.grad_input(gradient, tape.outputs[t], 0, grad_input=found[t])
            if t:
                gradient = _back(found[t], weights.hidden, each, t)
        return found, found


def project(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The products of a whole sequence with the input weights: `(T, B, N, I)` -> `(T, B, N, G·H)`."""
    gates = inputs.new_empty(*inputs.shape[:3], weight.shape[1])
    torch.baddbmm(bias.unsqueeze(1), rows_of_each(inputs), weight.transpose(1, 2), out=rows_of_each(gates))
    return gates


def _back(gates: Tensor, hidden: Tensor, each: Tensor | None, t: int) -> Tensor:
    """The gradient `(B, N, H)` of the output of step t − 1: what the gates of step t pass on, and its own."""
    gradient = gates.new_empty(*gates.shape[:2], hidden.shape[2]) if each is None else each[t - 1]
    if each is None:
        torch.bmm(_by_training(gates), hidden, out=_by_training(gradient))
    else:
        _by_training(gradient).baddbmm_(_by_training(gates), hidden)
    return gradient


def rows_of_each(values: Tensor) -> Tensor:
    """`(T, B, N, F)` as a matrix a training, `(N, T·B, F)`: a view."""
    return values.flatten(0, 1).transpose(0, 1)


def _by_training(values: Tensor) -> Tensor:
    """`(B, N, F)` as `(N, B, F)`: a view."""
    return values.transpose(0, 1)


def _flat(values: Tensor) -> Tensor:
    """`(B, N, F)` as `(B·N, F)`: a view."""
    return values.view(-1, values.shape[-1])
