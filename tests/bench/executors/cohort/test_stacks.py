"""Stacks in a cohort, on a GPU that is emulated: each member's curve is that of its own nn.GRU, nn.LSTM or nn.RNN."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.executors.cohort import stack_places
from bench.executors.cohort.cohort import Cohort
from bench.executors.cohort.gpu import Gpu
from bench.executors.cohort.size import CohortSize
from bench.models.contract import Model, Settings
from bench.models.registry import MODELS
from bench.models.torch_learner.stacked.twins import GruInStack, LstmInStack, RnnInStack
from bench.records.schema import Record
from bench.training.jobs import TrainingJob
from bench.training.request import Training
from bench.training.train import train
from tasks.registry import TASKS

from ....by_path import load_script
from .ended_records import EndedRecords

Emulate = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("toy_plugin")


def training(model: Model | None = None, replicate: int = 1, steps: int = 12, task: str = "toy", **of: Any) -> Training:
    settings = Settings(**{"hidden_size": 4, "learning_rate": 0.01 * replicate, "dtype": "float64", **of})
    made = Training(TASKS.create(task), model or GruInStack(), settings, 8, steps, replicate, evaluation_interval=4)
    return replace(made, on_test_data=False)


def until_idle(cohort: Cohort) -> None:
    while not cohort.idle:
        cohort.round()


def cohort_of(trainings: list[Training], size: int = 64) -> tuple[Gpu, Cohort, EndedRecords]:
    device, listener = Gpu(), EndedRecords()
    cohort = Cohort(device, CohortSize(size), listener)
    for serial, each in enumerate(trainings):
        cohort.add(serial, TrainingJob(each))
    return device, cohort, listener


def assert_same_curve(record: Record, expected: Record, tolerance: float = 1e-9) -> None:
    assert record["status"] == expected["status"], record.get("traceback")
    assert record["curve"]["step"] == expected["curve"]["step"]
    curve, first = record["curve"], record["first_losses"]
    assert first["step"] == expected["first_losses"]["step"]
    pairs = [(curve[name], expected["curve"][name]) for name in ("train_loss", "valid_loss", "learning_rate")]
    for found, wanted in [*pairs, (first["train_loss"], expected["first_losses"]["train_loss"])]:
        np.testing.assert_allclose(np.array(found, dtype=float), np.array(wanted, dtype=float), rtol=tolerance)
    assert record["hashes"] == expected["hashes"]
    assert record["parameters"] == expected["parameters"]


def test_members_of_several_shapes_that_join_and_leave_train_as_each_alone(emulate: Emulate) -> None:
    """Short and long, with a rest after the last whole interval, dropped and diverging, in any order."""
    emulate(learners_on_gpu=True, seed=3)
    rng = random.Random(3)
    trainings = [
        training(GruInStack(), replicate, rng.choice((4, 6, 13)), num_layers=1 + replicate % 2)
        for replicate in range(1, 9)
    ]
    trainings += [training(LstmInStack(), 11, 9), training(LstmInStack(), 12, 30), training(RnnInStack("relu"), 13)]
    trainings += [training(RnnInStack(), 14, 12, learning_rate=1e200, clip_norm=None), training(RnnInStack(), 15, 12)]
    trainings += [replace(training(GruInStack(), 16, 24), plateau_patience=1), training(MODELS.create("gru"), 17)]
    expected = [train(each) for each in trainings]
    device, listener = Gpu(), EndedRecords()
    cohort = Cohort(device, CohortSize(9), listener)
    waiting, dropped = list(enumerate(trainings)), {3, 8}
    while waiting or not cohort.idle:
        for serial, each in waiting[:3]:
            cohort.add(serial, TrainingJob(each))
        del waiting[:3]
        if rng.random() < 0.3 and dropped:
            cohort.drop(dropped.pop())
        cohort.round()
    assert len(listener.by_serial) >= len(trainings) - 2
    for serial, record in listener.by_serial.items():
        assert_same_curve(record, expected[serial])
        assert record["kernel"] == ("aten" if trainings[serial].model.name == "gru" else "stacked+graph")
    assert {record["status"] for record in listener.by_serial.values()} == {"ok", "diverged"}


def test_a_full_stack_is_joined_by_one_of_twice_as_many_places(
    emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulate(learners_on_gpu=True)
    monkeypatch.setattr(stack_places, "FIRST", 2)
    monkeypatch.setattr(stack_places, "FEWEST", 2)
    trainings = [training(replicate=replicate, dtype="float32") for replicate in range(1, 6)]
    device, cohort, listener = cohort_of(trainings)
    for _ in range(3):
        cohort.round()
    (stacks,) = device.stacks._by_shape.values()
    assert [each.stack.trainings.trainings for each in stacks] == [2, 4]
    assert [len(each.stack.free) for each in stacks] == [0, 1]
    until_idle(cohort)
    for serial, record in listener.by_serial.items():
        assert_same_curve(record, train(trainings[serial]), 1e-4)
    assert all(each.stack.idle for each in stacks)
    device.free_unused()
    assert not any(device.stacks._by_shape.values())


def test_what_is_trained_on_test_data_has_its_best_weights_at_the_end(emulate: Emulate) -> None:
    emulate(learners_on_gpu=True)
    trainings = [
        replace(training(model, replicate, 20, task="sine[window=8]", learning_rate=0.5), on_test_data=True)
        for replicate, model in enumerate((GruInStack(), GruInStack(), LstmInStack()), start=1)
    ]
    expected = [train(each) for each in trainings]
    assert any(min(each["curve"]["valid_loss"]) < each["curve"]["valid_loss"][-1] for each in expected)
    _, cohort, listener = cohort_of(trainings)
    until_idle(cohort)
    for serial, each in enumerate(expected):
        assert_same_curve(listener.by_serial[serial], each, 1e-7)  # at this rate rounding grows quickly
        assert listener.by_serial[serial]["test"] == pytest.approx(each["test"], rel=1e-7)


def test_between_evaluations_the_host_only_sends_batches_and_replays(emulate: Emulate) -> None:
    gpu = emulate(learners_on_gpu=True)
    _, cohort, _ = cohort_of([training(replicate=replicate, steps=400) for replicate in (1, 2)])
    for _ in range(3):
        cohort.round()
    graphs = list(gpu.graphs)
    assert len(graphs) == 2  # a step and an evaluation, for both
    gpu.counts.clear()
    replays = sum(graph.replays for graph in graphs)
    while sum(graph.replays for graph in graphs) < replays + 20:
        cohort.round()
    assert gpu.counts == {}
    assert gpu.graphs == graphs
    cohort.drop(0)
    cohort.drop(1)


def test_what_a_join_to_a_stack_may_ask_of_the_device(emulate: Emulate) -> None:
    """To wait for the device or to empty its cache holds every other member up."""
    gpu = emulate(learners_on_gpu=True)
    _, cohort, listener = cohort_of([training(replicate=1, steps=400)])
    gpu.counts.clear()
    cohort.round()  # makes the stack
    waits = {"synchronize", "empty_cache", "gc.collect"}
    assert not waits & gpu.counts.keys()
    assert gpu.counts["memory_stats"] <= 5
    assert gpu.counts["mem_get_info"] <= 3
    gpu.counts.clear()
    cohort.add(1, TrainingJob(training(replicate=2, steps=400)))
    cohort.round()
    assert not waits & gpu.counts.keys()
    assert gpu.counts["memory_stats"] == 0
    assert gpu.counts["mem_get_info"] <= 2
    until_idle(cohort)
    assert {record["kernel"] for record in listener.by_serial.values()} == {"stacked+graph"}


def test_a_place_is_used_again_without_a_capture(emulate: Emulate) -> None:
    gpu = emulate(learners_on_gpu=True)
    device, cohort, listener = cohort_of([training(replicate=1)], size=1)
    until_idle(cohort)
    graphs = list(gpu.graphs)
    diverging = training(replicate=2, learning_rate=1e200, clip_norm=1.0)
    for serial, each in enumerate([diverging, *(training(replicate=replicate) for replicate in range(3, 8))], start=1):
        cohort.add(serial, TrainingJob(each))
    until_idle(cohort)
    assert gpu.graphs == graphs
    for replicate in range(3, 8):
        assert_same_curve(listener.by_serial[replicate - 1], train(training(replicate=replicate)))
    assert device.streams.has_free


def hungry(limit: int, monkeypatch: pytest.MonkeyPatch, asked: list[int]) -> None:
    """A device with memory for stacks of at most `limit` places."""
    made = stack_places.StackedTrainings.__init__

    def init(self: Any, *args: Any) -> None:
        asked.append(args[5])
        if args[5] > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        made(self, *args)

    monkeypatch.setattr(stack_places.StackedTrainings, "__init__", init)


@pytest.mark.parametrize(("limit", "asked", "kernel"), [(8, [16, 8], "stacked+graph"), (2, [16, 8, 4], "aten")])
def test_a_stack_that_does_not_fit_has_fewer_places_and_at_last_none(
    limit: int, asked: list[int], kernel: str, emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulate(learners_on_gpu=True)
    found: list[int] = []
    hungry(limit, monkeypatch, found)
    device, cohort, listener = cohort_of([training()])
    until_idle(cohort)
    assert found == asked
    assert_same_curve(listener.by_serial[0], train(training()))
    assert listener.by_serial[0]["kernel"] == kernel
    assert sum(each.users for each in device.streams._all) == (1 if limit == 8 else 0)


def test_a_stack_takes_a_part_of_the_free_memory_alone(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    emulate(learners_on_gpu=True)
    device, cohort, _ = cohort_of([training(steps=400)])
    each: list[int] = []
    own = stack_places.bytes_of
    monkeypatch.setattr(stack_places, "bytes_of", lambda *args: each.append(own(*args)) or each[-1])
    monkeypatch.setattr(device, "free_bytes", lambda: 4 * 9 * each[-1] if each else 1 << 40)
    cohort.round()
    (stacks,) = device.stacks._by_shape.values()
    assert [found.stack.trainings.trainings for found in stacks] == [8]


def test_an_error_in_a_stack_is_all_of_its_members_and_no_other_s(
    emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulate(learners_on_gpu=True)
    trainings = [*(training(replicate=replicate, steps=40) for replicate in (1, 2, 3)), training(LstmInStack(), 4)]
    device, cohort, listener = cohort_of(trainings)
    for _ in range(2):
        cohort.round()
    gru = next(each for stacks in device.stacks._by_shape.values() for each in stacks if len(each.stack.free) == 13)

    def broken() -> None:
        raise ValueError("no such batch")

    monkeypatch.setattr(gru.stack.graphs, "step", broken)
    until_idle(cohort)
    assert [listener.by_serial[serial]["status"] for serial in range(4)] == ["failed"] * 3 + ["ok"]
    assert "no such batch" in listener.by_serial[1]["error"]
    cohort.add(9, TrainingJob(training(replicate=9)))  # in a new one
    until_idle(cohort)
    assert_same_curve(listener.by_serial[9], train(training(replicate=9)))


def test_out_of_memory_in_a_stack_trains_each_again_alone(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    emulate(learners_on_gpu=True)
    trainings = [training(replicate=replicate, steps=40) for replicate in (1, 2, 3)]
    device, cohort, listener = cohort_of(trainings)
    cohort.round()
    ((gru,),) = device.stacks._by_shape.values()

    def hungry_step() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(gru.stack.graphs, "step", hungry_step)
    until_idle(cohort)
    for serial, each in enumerate(trainings):
        record = listener.by_serial[serial]
        assert_same_curve(record, train(each))
        assert "stacked" not in record["kernel"]


def test_steps_that_can_t_be_captured_are_made_eagerly(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = emulate(learners_on_gpu=True)
    step = stack_places.StackedTrainings.step

    def reading(self: Any) -> None:
        step(self)
        self.losses[0, 0].item()

    monkeypatch.setattr(stack_places.StackedTrainings, "step", reading)
    trainings = [training(replicate=replicate) for replicate in (1, 2)]
    _, cohort, listener = cohort_of(trainings)
    until_idle(cohort)
    for serial, each in enumerate(trainings):
        assert_same_curve(listener.by_serial[serial], train(each))
        assert listener.by_serial[serial]["kernel"] == "stacked"
    assert gpu.graphs == []


def test_what_has_no_stacked_form_is_the_model_itself(emulate: Emulate) -> None:
    emulate(learners_on_gpu=True)
    dropping = training(num_layers=2, dropout=0.5)
    low = training(precision="bfloat16", dtype="float32")
    _, cohort, listener = cohort_of([dropping, low])
    until_idle(cohort)
    assert [listener.by_serial[serial]["status"] for serial in (0, 1)] == ["ok", "ok"]
    assert not any("stacked" in record["kernel"] for record in listener.by_serial.values())


def test_a_stack_whose_first_steps_are_not_the_model_s_own_is_not_used(
    emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU the cells are other kernels than here: whatever they compute, a search is not led astray."""
    gpu = emulate(learners_on_gpu=True)
    adam = "bench.models.torch_learner.stacked.trainings.StackedAdam.step"
    monkeypatch.setattr(adam, lambda self, gradients, factors: self.weights.sub_(gradients))
    trainings = [training(replicate=replicate) for replicate in (1, 2)]
    device, cohort, listener = cohort_of(trainings)
    until_idle(cohort)
    for serial, each in enumerate(trainings):
        assert_same_curve(listener.by_serial[serial], train(each))
        assert "stacked" not in listener.by_serial[serial]["kernel"]
    (note,) = listener.notes
    assert note.startswith("toy stacked_gru h4 1 layer lr 0.01 is not trained in a stack: a stack's first losses are")
    device.free_unused()
    assert not any(each.users for each in device.streams._all)
    assert gpu.graphs == []


def test_the_comparison_of_a_session_on_a_gpu(emulate: Emulate) -> None:
    """tests/gpu/stacked.py, on the emulated one."""
    script = load_script(Path(__file__).parents[3] / "gpu" / "stacked.py")
    few = [
        replace(each, settings=replace(each.settings, device="cpu", hidden_size=4), task=TASKS.create("toy"))
        for each in script.trainings("lstm", "sine", 32, 3, stop_after=20, evaluation_interval=10)
    ]
    emulate(learners_on_gpu=True)
    by_stacks, by_graphs, kernels = script.compare(few, 2)
    assert 0 < by_stacks < script.LIMIT
    assert by_graphs == 0
    assert kernels == {"stacked+graph"}
    assert script.largest_difference([train(few[0])], [train(few[1])]) > script.LIMIT
