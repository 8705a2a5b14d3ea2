"""The formulas against torch's own counter, on the meta device (fused kernels count nothing)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.measure.flops import forward_flops, step_flops, step_flops_of
from bench.models.contract import Problem, Settings
from bench.models.esn import EsnLearner
from bench.models.registry import MODELS
from bench.models.torch_model import TorchModel
from tasks.contract import Split

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


def test_every_model_of_bench_has_a_count() -> None:
    own = [name for name, cls in MODELS.entries().items() if cls.__module__.startswith("bench.")]
    problem = Problem(3, 2, "mse", sequence_length=7)
    assert {"esn", "gru", "numpy_lstm", "attention"} <= set(own)
    assert [name for name in own if not step_flops_of(MODELS.create(name), problem, 8, 2, 4)] == []


class Counted(np.ndarray[Any, Any]):
    """An array that counts the operations of the matrix products of itself and of what is computed from it."""

    __array_priority__ = 1.0  # np.concatenate keeps it
    flops = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        plain = [np.asarray(value) if isinstance(value, np.ndarray) else value for value in inputs]
        if "out" in named:
            named["out"] = tuple(np.asarray(value) for value in named["out"])
        found = getattr(ufunc, method)(*plain, **named)
        if ufunc is np.matmul:
            Counted.flops += 2 * plain[0].shape[-1] * np.size(found)
        return found.view(Counted) if isinstance(found, np.ndarray) else found


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("per_step", [True, False])
def test_the_operations_of_an_echo_state_network_are_those_of_its_products(layers: int, per_step: bool) -> None:
    problem, size, batch, outputs = Problem(3, 2, "mse", per_step, sequence_length=7), 5, 4, 2
    learner: Any = MODELS.create("esn").build(problem, Settings(size, layers), np.random.default_rng(0), 0)
    targets = np.ones((batch, 7, outputs) if per_step else (batch, outputs))
    split = Split(np.ones((batch, 7, 3)), targets)
    learner.train_step(split)  # from now on each step has a readout to solve for
    learner._weights = {name: value.view(Counted) for name, value in learner._weights.items()}
    learner._sums = {name: value.view(Counted) for name, value in learner._sums.items()}
    learner._states = lambda split: EsnLearner._states(learner, split).view(Counted)
    Counted.flops = 0
    learner.train_step(split)
    solved = 2 * size**3 // 3 + 2 * size * size * outputs  # which is no product
    assert step_flops_of(MODELS.create("esn"), problem, size, layers, batch) == Counted.flops + solved


def test_a_model_without_torch_and_without_a_formula_has_no_count(toy_plugin: str) -> None:
    assert step_flops_of(MODELS.create("linear"), Problem(1, 1, "mse"), 5, 1, 4) is None
