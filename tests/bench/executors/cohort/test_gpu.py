"""On a GPU: a cohort gives what each training gives alone and eagerly, in any order, whoever fails beside it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
from bench.models.torch_learner.precision import use_precision
from bench.models.torch_model import TorchModel
from bench.records.jsonl import RecordFile
from bench.training.jobs import TimingJob, TrainingJob
from bench.training.request import Training
from bench.training.train import train
from tasks.registry import TASKS

from .ended_records import EndedRecords
from .huge import Huge

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]


def training(model: Any = "gru", replicate: int = 1, task: str = "sine", **settings: Any) -> Training:
    made = MODELS.create(model) if isinstance(model, str) else model
    configured = Settings(**{"hidden_size": 32, "learning_rate": 3e-3, "device": "cuda", **settings})
    return Training(TASKS.create(task), made, configured, 64, 100, replicate)


def together(trainings: Iterable[Training], size: int = 16) -> EndedRecords:
    listener = EndedRecords()
    cohort = Cohort(Gpu(), CohortSize(size), listener)
    for serial, each in enumerate(trainings, start=1):
        cohort.add(serial, TrainingJob(each))
    while not cohort.idle:
        cohort.round()
    return listener


def mixed() -> list[Training]:
    made = [
        training(model, replicate, task, hidden_size=size, num_layers=layers)
        for replicate, (model, task, size, layers) in enumerate(
            [
                ("gru", "sine", 16, 1),
                ("gru", "copy", 64, 2),
                ("lstm", "sine", 128, 1),
                ("lstm", "regression", 32, 2),
                ("rnn", "sine", 48, 1),
                ("rnn[nonlinearity=relu]", "copy", 32, 1),
            ],
            start=1,
        )
    ]
    return [*made, replace(made[0], plateau_patience=1, evaluation_interval=2)]


def test_a_cohort_s_curve_is_that_of_the_training_alone_and_eager() -> None:
    found = together(mixed()).by_key
    for each in mixed():
        eager, record = train(each), found[each.key()]
        assert record["status"] == eager["status"] == "ok"
        assert record["kernel"] == "cudnn+graph"
        assert eager["kernel"] == "cudnn"
        assert record["first_losses"]["step"] == eager["first_losses"]["step"]
        np.testing.assert_allclose(record["first_losses"]["train_loss"], eager["first_losses"]["train_loss"], rtol=1e-4)
        np.testing.assert_allclose(record["curve"]["valid_loss"][:10], eager["curve"]["valid_loss"][:10], rtol=1e-4)
        assert record["curve"]["learning_rate"] == pytest.approx(eager["curve"]["learning_rate"])


@pytest.mark.parametrize(("size", "hidden_size"), [(1, 32), (4, 32), (40, 32), (40, 256)])
def test_its_order_and_size_change_nothing(size: int, hidden_size: int) -> None:
    """All members were captured through the same handles of cuBLAS and cuDNN: none may use another's memory."""
    trainings = [*mixed(), *(training("gru", replicate, hidden_size=hidden_size) for replicate in range(10, 40))]
    first = together(trainings).by_key
    random.Random(size).shuffle(trainings)
    second = together(trainings, size).by_key
    assert {key: record["curve"] for key, record in second.items()} == {
        key: record["curve"] for key, record in first.items()
    }
    assert {key: record["test"] for key, record in second.items()} == {
        key: record["test"] for key, record in first.items()
    }


@dataclass(frozen=True)
class Looking(TorchModel):
    """A plug-in that waits for its numbers in every step."""

    name = "looking"
    summary = "reads a number back"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        return _Looking(input_size, hidden_size)


class _Looking(torch.nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = torch.nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.rnn(x)[0]
        return hidden if hidden.abs().max().item() < 1e9 else hidden * 0


def test_a_plug_in_that_synchronises_is_trained_eagerly_and_harms_nobody() -> None:
    looking, others = training(Looking()), [training("gru", replicate) for replicate in (2, 3)]
    found = together([others[0], looking, others[1]]).by_key
    assert found[looking.key()]["kernel"] == "cudnn"
    assert found[looking.key()]["status"] == "ok"
    apart = together(others).by_key
    assert {each.key(): found[each.key()]["curve"] for each in others} == {
        each.key(): apart[each.key()]["curve"] for each in others
    }


def test_dropout_is_as_alone() -> None:
    drawing = [training("lstm", replicate, num_layers=2, dropout=0.5) for replicate in (1, 2)]
    found = together([drawing[0], training("gru", 3), drawing[1]]).by_key
    for each in drawing:
        record, eager = found[each.key()], train(each)
        assert record["kernel"] == "cudnn"
        assert record["curve"]["train_loss"] == eager["curve"]["train_loss"]


def test_one_that_diverges_leaves_and_one_without_memory_is_recorded() -> None:
    diverging = training("rnn", 1, learning_rate=1e38, clip_norm=None)
    huge = training(Huge(), 2)
    well = training("gru", 3)
    found = together([diverging, huge, well]).by_key
    assert found[diverging.key()]["status"] == "diverged"
    assert found[huge.key()]["status"] == "out_of_memory"
    assert found[well.key()]["curve"] == together([well]).by_key[well.key()]["curve"]


def test_members_leave_no_memory_behind_and_each_knows_its_own() -> None:
    together([training("gru", replicate) for replicate in range(1, 9)])
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    found = together([training("gru", replicate) for replicate in range(1, 9)]).by_key
    small, large = training("gru", 1, hidden_size=16), training("gru", 1, hidden_size=512)
    found |= together([small, large]).by_key
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() - before < 2**20
    assert 0 < found[small.key()]["peak_bytes"] < found[large.key()]["peak_bytes"]


@pytest.mark.parametrize("hidden_size", [128, 160, 192, 256])
@pytest.mark.parametrize("cell", [torch.nn.GRU, torch.nn.LSTM, torch.nn.RNN])
def test_gradients_are_those_of_the_cpu(cell: Any, hidden_size: int) -> None:
    """Between 129 and 192 units cuDNN runs forward by another algorithm than backward."""
    torch.manual_seed(0)
    on_cpu = cell(8, hidden_size, batch_first=True)
    on_gpu = cell(8, hidden_size, batch_first=True).cuda()
    on_gpu.load_state_dict(on_cpu.state_dict())
    inputs = torch.randn(64, 20, 8)
    use_precision("float32")
    for rnn, given in ((on_cpu, inputs), (on_gpu, inputs.cuda())):
        (rnn(given)[0][:, -1] ** 2).sum().backward()
    for name, weight in on_cpu.named_parameters():
        found = on_gpu.get_parameter(name).grad.cpu()
        assert float((found - weight.grad).norm() / weight.grad.norm()) < 1e-5, name


def test_precisions_are_what_they_say() -> None:
    curves = {
        precision: train(training("gru", hidden_size=128, precision=precision))["first_losses"]["train_loss"]
        for precision in ("float32", "tf32", "bfloat16")
    }
    on_cpu = train(training("gru", hidden_size=128, device="cpu"))["first_losses"]["train_loss"]
    errors = {precision: float(np.max(np.abs(np.array(curve) / on_cpu - 1)[:4])) for precision, curve in curves.items()}
    assert errors["float32"] < 1e-4
    assert errors["float32"] < errors["tf32"] < errors["bfloat16"] < 0.1


def test_a_timing_is_of_the_gpu_alone() -> None:
    record = TimingJob(training(), 0.3, "here").perform(lambda *evaluation: None)
    assert record["kernel"] == "cudnn"
    assert 1e-6 < record["timing"]["step_seconds"] < 1.0


def test_a_whole_experiment_on_the_gpu_and_again(tmp_path: Path) -> None:
    flags = {
        "models": "gru,numpy_gru",
        "tasks": "sine",
        "budget": "smoke",
        "device": "cuda",
        "results": str(tmp_path),
        "name": "e",
    }
    records = []
    for cohort in (1, 4):
        outcome = run(resolve({**flags, "engine": "exact", "cohort": cohort}), fresh=True)
        assert outcome.failures == 0
        records.append(RecordFile(tmp_path / "e" / "records.jsonl").read())
    by_key = [{r["key"]: r["curve"] for r in each if r["stage"] == "trial"} for each in records]
    assert by_key[0] == by_key[1]
    kernels = {r["model"]["name"]: r["kernel"] for r in records[1] if r["stage"] == "trial"}
    assert kernels == {"gru": "cudnn+graph", "numpy_gru": "numpy"}
