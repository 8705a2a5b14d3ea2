"""Steps replayed from graphs: the same numbers as eager ones, and a fall back where a graph would not be the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench.models.contract import Learner, Settings
from bench.models.registry import MODELS
from bench.models.stepper import EagerStepper, Stepper, StepPlan
from bench.models.torch_learner import data, shared
from bench.models.torch_learner.capture import CannotCapture
from bench.models.torch_learner.graph import GraphStepper
from bench.models.torch_learner.learner import TorchLearner
from bench.models.torch_model import TorchModel
from bench.records.schema import Record
from bench.training.data import load_data
from bench.training.loop import finish
from bench.training.request import Training
from bench.training.train import build_learner, train, train_in_turns
from tasks.registry import TASKS

from .emulated_graph import Graph

Emulate = Callable[..., Any]
TIMES = ("evaluation_seconds", "wall_seconds", "cpu_seconds", "peak_bytes", "energy_joules", "kernel")


def training(model: Any = "gru", task: str = "sine[window=8]", **changes: Any) -> Training:
    made = MODELS.create(model) if isinstance(model, str) else model
    settings = Settings(6, learning_rate=0.01)
    return replace(Training(TASKS.create(task), made, settings, batch_size=100, steps=60, replicate=1), **changes)


def graphed(request: Training) -> tuple[Record, GraphStepper]:
    made: list[GraphStepper] = []

    def open_stepper(learner: Learner, plan: StepPlan) -> Stepper:
        assert isinstance(learner, TorchLearner)
        made.append(GraphStepper(learner, plan))
        return made[0]

    return finish(train_in_turns(request, open_stepper=open_stepper)), made[0]


def outcome(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in TIMES}


CASES = {
    "batches that leave a rest": training(),
    "one step an epoch": training(batch_size=10**6, steps=12),
    "a schedule": training("rnn", settings=Settings(6, learning_rate=0.3), plateau_patience=1, evaluation_interval=3),
    "a cosine after a warm-up": training(schedule="cosine", warmup=7),
    "AdamW, on a schedule of steps and plateaus": training(
        settings=Settings(6, learning_rate=0.3, weight_decay=0.1, optimizer="adamw"), warmup=5, plateau_patience=1
    ),
    "tokens, a mask and two layers": training("lstm", "copy[delay=3]", settings=Settings(6, 2, learning_rate=0.01)),
    "lengths": training("rnn", "parity"),
    "no clipping, weight decay": training(settings=Settings(6, learning_rate=0.01, clip_norm=None, weight_decay=0.1)),
    "bfloat16": training(settings=Settings(6, learning_rate=0.01, precision="bfloat16")),
    "divergence": training(settings=Settings(6, learning_rate=1e38, clip_norm=None)),
}


@pytest.mark.parametrize("case", CASES)
def test_replayed_steps_are_eager_steps_to_the_last_bit(case: str, emulate: Emulate) -> None:
    emulate()
    expected = train(CASES[case])
    record, _ = graphed(CASES[case])
    assert outcome(record) == outcome(expected)
    assert record["kernel"] == f"{expected['kernel']}+graph"


def test_a_float64_training_is_eager_as_a_captured_step_would_round_its_rate(emulate: Emulate) -> None:
    emulate()
    stepper, learner = opened(training(settings=Settings(6, learning_rate=0.01, dtype="float64")))
    assert isinstance(stepper, EagerStepper)
    assert not learner.rate_is_on_device


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_an_optimiser_that_reads_its_rate_on_the_host_is_eager(optimizer: Any, emulate: Emulate) -> None:
    emulate()
    stepper, _ = opened(training(settings=Settings(6, learning_rate=0.01, optimizer=optimizer)))
    assert isinstance(stepper, EagerStepper)


def test_between_evaluations_the_host_only_replays(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    emulate()
    request = training()
    dataset = load_data(request.task, 0, 1)
    learner = build_learner(request, dataset)
    assert isinstance(learner, TorchLearner)
    n = len(dataset.train)
    stepper = GraphStepper(learner, StepPlan(dataset, iter([np.arange(n)] * 9), 100, 50))
    monkeypatch.setattr(learner, "train_step", None)
    monkeypatch.setattr(learner, "outputs", None)
    steps = -(-n // 100) + 1
    for _ in range(steps):
        stepper.step()
    stepper.ask()
    while not stepper.ready():
        pass
    losses, outputs = stepper.answer()
    assert len(losses) == steps
    assert outputs.shape == dataset.valid.targets.shape


def opened(request: Training, alone: bool = False) -> tuple[Stepper, TorchLearner]:
    dataset = load_data(request.task, request.seed, request.replicate)
    learner = build_learner(request, dataset)
    assert isinstance(learner, TorchLearner)
    order = np.arange(len(dataset.train))
    plan = StepPlan(dataset, iter(lambda: order, None), request.batch_size, request.interval)
    learner.on_gpu = True
    return shared.open_shared_stepper(learner, plan, alone=alone), learner


@dataclass(frozen=True)
class Odd(TorchModel):
    """A plug-in that does what a graph can't hold."""

    name = "odd"
    summary = "looks at its numbers, or counts its calls"
    how: str = "reads"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        return _Odd(self.how, input_size, hidden_size)


class _Odd(torch.nn.Module):
    def __init__(self, how: str, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.how, self.calls, self.linear = how, 0, torch.nn.Linear(input_size, hidden_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.linear(x))
        if self.how == "reads" and hidden.abs().sum().item() < 0:
            return hidden + 1
        if self.how == "counts" and self.training:
            self.calls += 1
            return hidden * self.calls
        return hidden


@pytest.mark.parametrize("watch", [True, False], ids=["found before", "found in the capture"])
@pytest.mark.parametrize("how", ["reads", "counts"])
def test_what_a_graph_can_not_hold_is_trained_eagerly_and_its_kernel_says_so(
    how: str, watch: bool, emulate: Emulate
) -> None:
    emulate(watch=watch)
    request = training(Odd(how))
    stepper, learner = opened(request)
    assert isinstance(stepper, EagerStepper)
    assert stepper.kernel == "aten"
    untouched = build_learner(request, load_data(request.task, 0, 1)).state()
    assert all(np.array_equal(value, untouched[name]) for name, value in learner.state().items())
    dataset = load_data(request.task, 0, 1)
    with pytest.raises(CannotCapture):
        GraphStepper(learner, StepPlan(dataset, iter([]), 100, 2))


def test_what_can_be_captured_is(emulate: Emulate) -> None:
    emulate()
    stepper, learner = opened(training())
    assert isinstance(stepper, GraphStepper)
    graphs = [graph for graph in stepper._graphs if isinstance(graph, Graph)]
    assert len(graphs) == 5  # a whole batch, the rest of an epoch, several steps, an evaluation, the best state
    stepper.close()
    assert not any(graph.calls for graph in graphs)
    assert learner.state()["adam.step"] == 0


def test_running_out_of_memory_in_a_capture_is_no_fall_back(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    emulate()
    calls = 0
    step: Callable[..., Any] = TorchLearner.train_step

    def hungry(self: TorchLearner, batch: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:  # one to see whether it draws, three before the capture
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(self, batch)

    monkeypatch.setattr(TorchLearner, "train_step", hungry)
    with pytest.raises(torch.OutOfMemoryError):
        opened(training())


@dataclass(frozen=True)
class Dropping(TorchModel):
    """Draws masks that the settings know nothing of."""

    name = "dropping"
    summary = "drops values"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(input_size, hidden_size), torch.nn.Dropout(0.5))


@pytest.mark.parametrize(
    "request_", [training(Dropping()), training(settings=Settings(6, 2, dropout=0.5))], ids=["plug-in", "settings"]
)
def test_what_draws_random_numbers_must_be_alone_and_is_left_as_it_was(request_: Training, emulate: Emulate) -> None:
    emulate()
    with pytest.raises(shared.MustBeAlone):
        opened(request_)
    fresh = build_learner(request_, load_data(request_.task, 0, 1))
    generator = torch.get_rng_state()
    stepper, learner = opened(request_, alone=True)
    assert isinstance(stepper, EagerStepper)
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(np.array_equal(value, fresh.state()[name]) for name, value in learner.state().items())


def test_a_capture_that_fails_leaves_the_allocator_s_books(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch leaves the pool to us where a capture could not be ended, and only there."""
    emulate(watch=False)
    ended: list[tuple[str, int]] = []
    for what, name in (("end", "_cuda_endAllocateToPool"), ("release", "_cuda_releasePool")):
        told = lambda device, pool, what=what: ended.append((what, device))  # noqa: E731
        monkeypatch.setattr(torch._C, name, told, raising=False)
    opened(training(Odd("reads")))
    assert ended == [("end", 0), ("release", 0)]

    def refuse(device: int, pool: object) -> None:
        raise RuntimeError("not allocating to a pool")

    ended.clear()
    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", refuse, raising=False)
    opened(training(Odd("reads")))
    assert ended == []  # resetting the graph releases it


@pytest.mark.parametrize("interval", [1, 5, 30])
def test_steps_that_are_launched_together_are_those_that_would_be_launched_apart(
    interval: int, emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulate()
    request = training(batch_size=90, evaluation_interval=interval)  # a rest of one in an epoch
    expected = train(request)
    record, stepper = graphed(request)
    assert outcome(record) == outcome(expected)
    monkeypatch.setattr("bench.models.torch_learner.graph.STEPS_A_LAUNCH", 1)
    apart, one_by_one = graphed(request)
    assert outcome(apart) == outcome(expected)
    assert (stepper._several, one_by_one._several) == (min(692 // 90, interval) if interval > 1 else 0, 0)


BUDGET = {("gru", "sine"): 488, ("lstm", "sine"): 48, ("rnn", "sine"): 219, ("gru", "copy"): 1899, ("lstm", "copy"): 60}


@pytest.mark.parametrize(("model", "task"), BUDGET)
def test_a_step_dispatches_no_more_operations_than_it_needs(model: str, task: str) -> None:
    """On a CPU: its recurrent layer is taken apart there, all else is as on a GPU."""

    class Counting(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.count += 1
            return func(*args, **(kwargs or {}))

    request = training(model, task, settings=Settings(32, learning_rate=0.01), batch_size=64)
    dataset = load_data(request.task, 0, 1)
    learner = build_learner(request, dataset)
    batch = next(iter(learner.batches(learner.place(dataset.train), np.arange(64), 64)))
    learner.train_step(batch)
    with Counting() as counting:
        learner.train_step(batch)
    assert counting.count <= BUDGET[model, task]


def test_batches_for_cudnn_are_the_same_with_time_first_in_memory() -> None:
    for task in ("sine", "copy", "parity"):
        request = training(task=task)
        dataset = load_data(request.task, 0, 1)
        placed = build_learner(request, dataset).place(dataset.train)
        index = torch.tensor([5, 2, 7])
        usual, time_first = data.take(placed, index), data.take_time_first(placed, index)
        for one, other in zip(usual, time_first, strict=True):
            assert (one is None and other is None) or torch.equal(one, other)
        assert time_first.inputs.transpose(0, 1).is_contiguous()
