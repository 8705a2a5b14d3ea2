"""What a step of stacked trainings launches: on a GPU the number of kernels, not their work, is what takes time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from bench.models.contract import Problem, Settings
from bench.models.torch_learner import data
from bench.models.torch_learner.stacked import pointwise
from bench.models.torch_learner.stacked.batches import Batches
from bench.models.torch_learner.stacked.layers import StackedGru, StackedLstm, StackedRnn
from bench.models.torch_learner.stacked.trainings import StackedTrainings
from tasks.contract import Split

MakeSplit = Callable[..., Split]
LAYERS: dict[str, Any] = {"gru": StackedGru(), "lstm": StackedLstm(), "rnn": StackedRnn()}
FUSED = ("gru_step", "gru_step_backward", "lstm_step", "lstm_step_backward")
VIEWS = (
    "alias as_strided detach expand permute select slice split squeeze t transpose unbind unsqueeze _unsafe_view view"
)
UNFILLED = "empty empty_like empty_strided new_empty new_empty_strided"
FREE = {*VIEWS.split(" "), *UNFILLED.split(" ")}


class Launched(TorchDispatchMode):
    """Counts operations that are kernels; a fused cell is one of them, as on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = Counter[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        if name not in FREE:
            self.kernels[name] += 1
        return func(*args, **(kwargs or {}))


def launched_by_a_step(
    patch: pytest.MonkeyPatch, make: MakeSplit, cell: str, problem: Problem, trainings: int
) -> Counter[str]:
    train = data.place(make(problem), problem, torch.device("cpu"), torch.float32)
    stack = StackedTrainings(LAYERS[cell], problem, Settings(5), (train, train), 4, trainings, torch.device("cpu"))
    rows = np.zeros((2, 4), dtype=np.int64)
    stack.feed({0: Batches(rows, np.full(2, 4))}, {0: 0.1})
    stack.step()
    counting = Launched()

    def fused(name: str) -> Callable[..., Any]:
        own = getattr(pointwise, name)

        def one(*args: Any) -> Any:
            counting.kernels[name] += 1
            with _disable_current_modes():
                return own(*args)

        return one

    for name in FUSED:
        patch.setattr(pointwise, name, fused(name))
    with counting:
        stack.step()
    return counting.kernels


@pytest.mark.parametrize("cell", LAYERS)
def test_a_time_step_is_four_kernels_however_many_trainings(
    cell: str, make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A product and a point-wise kernel forward, and as many backward."""
    problem = Problem(3, 2, "mse", sequence_length=10)
    counts = {}
    for steps, trainings in ((10, 4), (20, 4), (20, 7)):
        with monkeypatch.context() as patched:
            given = replace(problem, sequence_length=steps)
            counts[steps, trainings] = launched_by_a_step(patched, make_split, cell, given, trainings)
    assert counts[20, 4] == counts[20, 7]
    more = counts[20, 4] - counts[10, 4]
    assert more.total() == 4 * 10, more


@pytest.mark.parametrize(
    ("cell", "per_step", "most"),
    [("gru", False, 52), ("lstm", False, 48), ("rnn", False, 44), ("gru", True, 61), ("lstm", True, 48)],
)
def test_all_that_is_done_once_a_step_is_few_kernels(
    cell: str, per_step: bool, most: int, make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch, projections, head, loss, the sums over time, clipping and Adam, for one layer."""
    problem = Problem(3, 2, "mse", per_step=per_step, sequence_length=10)
    kernels = launched_by_a_step(monkeypatch, make_split, cell, problem, 4)
    assert kernels.total() - 4 * 10 <= most, kernels
