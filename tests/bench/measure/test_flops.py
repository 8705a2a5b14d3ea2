"""The formulas against torch's own counter, on the meta device (fused kernels count nothing)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.measure.flops import forward_flops, step_flops, step_flops_of
from bench.models.contract import Problem
from bench.models.registry import MODELS
from bench.models.torch_model import TorchModel

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_formulas_are_what_torch_counts(cell: str, layers: int, per_step: bool) -> None:
    problem = Problem(input_size=3, output_size=2, loss="mse", per_step=per_step, sequence_length=7)
    with torch.device("meta"):
        core, head = CELLS[cell](3, 5, layers, batch_first=True), nn.Linear(5, 2)
        inputs = torch.empty(4, 7, 3)
    with FlopCounterMode(display=False) as counter:
        hidden = core(inputs)[0]
        outputs = head(hidden if per_step else hidden[:, -1])
        assert counter.get_total_flops() == forward_flops(cell, problem, 5, layers, 4)
        outputs.sum().backward()
    assert counter.get_total_flops() == step_flops(cell, problem, 5, layers, 4)


def test_a_model_is_counted_as_the_cell_that_it_is() -> None:
    problem = Problem(input_size=3, output_size=2, loss="mse")
    for name in CELLS:
        assert step_flops_of(MODELS.create(name), problem, 5, 2, 4) == step_flops(name, problem, 5, 2, 4)


def test_a_core_without_a_formula_is_counted() -> None:
    @dataclass(frozen=True)
    class Feedforward(TorchModel):
        name = "feedforward"
        summary = "no recurrence at all"

        def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> nn.Module:
            return nn.Linear(input_size, hidden_size)

    forward, head = 2 * 4 * 10 * 3 * 5, 2 * 4 * 5 * 2  # ten steps of four sequences; the head sees the last one
    problem = Problem(3, 2, "mse", sequence_length=10)
    assert step_flops_of(Feedforward(), problem, 5, 1, 4) == 2 * forward + 3 * head  # inputs need no gradient


def test_a_model_without_torch_and_without_a_formula_has_no_count(toy_plugin: str) -> None:
    assert step_flops_of(MODELS.create("linear"), Problem(1, 1, "mse"), 5, 1, 4) is None
