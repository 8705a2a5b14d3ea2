"""On a GPU: stacks compute what torch's own layers do, and a search uses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.config.resolve import resolve
from bench.executors.cohort.cohort import Cohort
from bench.executors.cohort.gpu import Gpu
from bench.executors.cohort.size import CohortSize
from bench.experiment.run import run
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.models.search_twin import twin_on
from bench.models.torch_learner.stacked import pointwise
from bench.records.jsonl import RecordFile
from bench.training.jobs import TrainingJob
from bench.training.request import Training
from bench.training.train import train
from tasks.registry import TASKS

from .ended_records import EndedRecords

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]


def both(step: Callable[..., Any], *given: torch.Tensor | None) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What a point-wise step gives on the GPU and on the CPU."""
    on_gpu = step(*(None if tensor is None else tensor.cuda() for tensor in given))
    return [(one.cpu(), other) for one, other in zip(on_gpu, step(*given), strict=True)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_fused_cells_are_the_plain_ones(dtype: torch.dtype) -> None:
    """Outputs, the workspace's layout, and both backward passes."""
    torch.manual_seed(0)
    gates, more = torch.randn(2, 12, 4 * 5, dtype=dtype)
    state, gradient, cell_gradient = torch.randn(3, 12, 5, dtype=dtype)
    _, workspace = pointwise.gru_step(gates[:, :15].contiguous(), more[:, :15].contiguous(), state)
    _, after, activations = pointwise.lstm_step(gates, more, state)
    found = [
        *both(pointwise.gru_step, gates[:, :15].contiguous(), more[:, :15].contiguous(), state),
        *both(pointwise.gru_step_backward, gradient, workspace),
        *both(pointwise.lstm_step, gates, more, state),
        *both(pointwise.lstm_step_backward, gradient, cell_gradient, state, after, activations),
        *both(pointwise.lstm_step_backward, gradient, None, state, after, activations),
    ]
    for one, other in found:
        tolerance = 1e-5 if dtype == torch.float32 else 1e-13
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def training(model: str, replicate: int, task: str = "sine", **settings: Any) -> Training:
    configured = Settings(**{"hidden_size": 32, "learning_rate": 1e-3 * replicate, "device": "cuda", **settings})
    made = Training(TASKS.create(task), MODELS.create(model), configured, 64, 50, replicate, evaluation_interval=10)
    return replace(made, on_test_data=False)


def in_stacks(trainings: list[Training]) -> EndedRecords:
    listener = EndedRecords()
    cohort = Cohort(Gpu(), CohortSize(64), listener)
    for serial, each in enumerate(trainings):
        twin = twin_on("cuda", each.model)
        assert twin is not None
        cohort.add(serial, TrainingJob(replace(each, model=twin)))
    while not cohort.idle:
        cohort.round()
    return listener


@pytest.mark.parametrize("task", ["sine", "copy", "parity"])
@pytest.mark.parametrize("model", ["gru", "lstm", "rnn", "rnn[nonlinearity=relu]"])
def test_curves_are_those_of_the_model_trained_alone_and_eagerly(model: str, task: str) -> None:
    trainings = [training(model, replicate, task, num_layers=2) for replicate in (1, 2, 3)]
    listener = in_stacks(trainings)
    assert listener.notes == []
    for serial, each in enumerate(trainings):
        record, alone = listener.by_serial[serial], train(each)
        assert record["kernel"] == "stacked+graph"
        for name in ("train_loss", "valid_loss"):
            np.testing.assert_allclose(record["curve"][name][1:], alone["curve"][name][1:], rtol=1e-4)


def test_members_of_many_stacks_that_join_and_leave_have_their_own_curves() -> None:
    trainings = [
        training(("gru", "lstm", "rnn")[replicate % 3], replicate, hidden_size=(16, 48)[replicate % 2])
        for replicate in range(1, 61)
    ]
    together, few = in_stacks(trainings), in_stacks(trainings[:3])
    for serial, record in few.by_serial.items():
        np.testing.assert_allclose(
            together.by_serial[serial]["curve"]["valid_loss"], record["curve"]["valid_loss"], rtol=1e-4
        )
    assert {record["kernel"] for record in together.by_serial.values()} == {"stacked+graph"}


def test_a_search_is_made_in_stacks_and_its_choice_trained_by_the_model(tmp_path: Path) -> None:
    flags = {"models": "gru,lstm,rnn", "tasks": "sine", "budget": "smoke", "trials": 3, "device": "cuda"}
    outcome = run(resolve({**flags, "results": str(tmp_path), "name": "e"}), fresh=True)
    assert outcome.failures == 0
    records = RecordFile(tmp_path / "e" / "records.jsonl").read()
    kernels = {(r["stage"], r["kernel"], r["search_kernel"]) for r in records if r["stage"] in ("trial", "train")}
    assert kernels == {("trial", "stacked+graph", "stacked"), ("train", "cudnn+graph", "stacked")}
