"""A cohort on a GPU that is emulated: streams run late and in any order, graphs share pools and workspaces.

Whatever joins, leaves or shares a stream, each training's curve is that of the same steps done one after the other.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.executors.cohort.cohort import Cohort
from bench.executors.cohort.device import DeviceLost
from bench.executors.cohort.gpu import Gpu
from bench.executors.cohort.reuse import shape_of
from bench.executors.cohort.size import CohortSize
from bench.measure import gradient_flow
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.records.atomic import FILES
from bench.training import train as trained
from bench.training.data import load_data
from bench.training.jobs import TrainingJob
from bench.training.loop import finish
from bench.training.request import Training
from bench.training.train import train
from tasks.registry import TASKS

from .ended_records import EndedRecords

Emulate = Callable[..., Any]
LONG = (3, 20, 38, 46)  # of fifty members, those of 1,000 steps: all others come and go while they replay
TIMES = ("evaluation_seconds", "wall_seconds", "cpu_seconds", "peak_bytes", "energy_joules", "kernel")


def training(model: str = "gru", replicate: int = 1, steps: int = 12, task: str = "toy", **changes: Any) -> Training:
    settings = Settings(4, learning_rate=0.01 * replicate)
    made = Training(TASKS.create(task), MODELS.create(model), settings, 8, steps, replicate, evaluation_interval=4)
    return replace(made, on_test_data=False, **changes)


def curves(trainings: list[Training]) -> list[Any]:
    return [train(each)["curve"] for each in trainings]


pytestmark = pytest.mark.usefixtures("toy_plugin")


@pytest.mark.storm
def test_forty_members_long_and_short_on_streams_of_which_some_are_shared(
    emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More members than streams; who leaves must not take away what the others on its stream still use."""
    monkeypatch.setattr("bench.executors.cohort.streams.PRIORITIES", (0,))  # 32 of them
    gpu, rng = emulate(learners_on_gpu=True), random.Random(1)
    trainings = [
        training(("rnn", "gru")[replicate % 2], replicate, 1000 if replicate in LONG else rng.choice((10, 20)))
        for replicate in range(1, 51)
    ]
    dropped = {5, 29, 41}
    expected = curves(trainings)
    listener = EndedRecords()
    cohort = Cohort(Gpu(), CohortSize(40), listener)
    waiting = list(enumerate(trainings, start=1))
    most = 0
    while waiting or not cohort.idle:
        for serial, each in waiting[:5]:
            cohort.add(serial, TrainingJob(each))
        del waiting[:5]
        if rng.random() < 0.3 and dropped:
            cohort.drop(dropped.pop())
        cohort.round()
        most = max(most, len(cohort._members))
    assert most > 32
    assert len(listener.by_serial) >= len(trainings) - 3
    for serial, record in listener.by_serial.items():
        assert record["status"] == "ok", record["traceback"]
        assert record["kernel"].endswith("+graph")
        assert record["curve"] == expected[serial - 1]
    assert gpu.counts["gc.collect"] == 0


def test_a_reused_slot_is_a_fresh_one_to_the_last_bit_and_captures_nothing(emulate: Emulate) -> None:
    gpu = emulate(learners_on_gpu=True)
    first = training(replicate=1)
    others = [
        training(replicate=2),
        training(replicate=3, settings=Settings(4, learning_rate=0.3, init="orthogonal"), plateau_patience=1),
        training(replicate=4, settings=Settings(4, learning_rate=1e38)),
        replace(training(replicate=5), on_test_data=True),
    ]
    expected = [train(each) for each in others]
    device, listener = Gpu(), EndedRecords()
    for serial, each in enumerate([first, *others]):
        cohort = Cohort(device, CohortSize(1), listener)
        cohort.add(serial, TrainingJob(each))
        while not cohort.idle:
            cohort.round()
        if serial == 0:
            graphs = list(gpu.graphs)
    assert gpu.graphs == graphs  # those of the first
    for serial, record in enumerate(expected, start=1):
        found = listener.by_serial[serial]
        assert {key: value for key, value in found.items() if key not in TIMES} == {
            key: value for key, value in record.items() if key not in TIMES
        }


def test_each_part_of_what_graphs_are_captured_with_gives_another_shape() -> None:
    plain = training()
    settings = plain.settings

    def shape(each: Training) -> str:
        return shape_of(each, load_data(each.task, each.seed, each.replicate))

    same = [
        training(replicate=2),
        replace(plain, settings=replace(settings, learning_rate=0.5)),
        replace(plain, settings=replace(settings, init="orthogonal")),
        replace(plain, steps=400, plateau_patience=3),
    ]
    assert {shape(each) for each in same} == {shape(plain)}
    different = [
        training("lstm"),
        training("rnn"),
        training("rnn[nonlinearity=relu]"),
        training(task="sine[window=8]"),
        training(task="sine[window=9]"),
        replace(plain, batch_size=9),
        replace(plain, evaluation_interval=5),
        replace(plain, warmup=5),
        replace(plain, settings=replace(settings, optimizer="adamw")),
        *(
            replace(plain, settings=replace(settings, **change))
            for change in (
                {"hidden_size": 5},
                {"num_layers": 2},
                {"dropout": 0.1},
                {"clip_norm": None},
                {"clip_norm": 2.0},
                {"weight_decay": 0.1},
                {"precision": "bfloat16"},
                {"dtype": "float64"},
                {"device": "cuda"},
            )
        ),
    ]
    assert len({shape(each) for each in [plain, *different]}) == 1 + len(different)


@pytest.mark.parametrize("part", ["inputs", "targets", "mask", "lengths"])
def test_data_of_another_shape_needs_another_capture(part: str) -> None:
    plain = training()
    data = load_data(plain.task, 0, 1)
    rows = len(data.train)
    masks = {"mask": np.ones((rows, data.train.inputs.shape[1]), bool), "lengths": np.ones(rows, int)}
    value = masks[part] if part in masks else np.concatenate([getattr(data.train, part)] * 2, axis=1)
    other = replace(data, train=_with(data.train, part, value))
    longer = replace(data, valid=_with(data.valid, part, None if part in masks else getattr(data.valid, part)[:-1]))
    assert shape_of(plain, other) != shape_of(plain, data)
    assert part in masks or shape_of(plain, longer) != shape_of(plain, data)


def _with(split: Any, part: str, value: Any) -> Any:
    """A split with another part, its shapes unchecked."""
    changed = object.__new__(type(split))
    for name in ("inputs", "targets", "mask", "lengths"):
        object.__setattr__(changed, name, value if name == part else getattr(split, name))
    return changed


def test_what_a_join_and_a_turn_may_ask_of_the_device(emulate: Emulate) -> None:
    """To wait for the device or to empty its cache holds every other member up."""
    gpu = emulate(learners_on_gpu=True)
    device, listener = Gpu(), EndedRecords()
    cohort = Cohort(device, CohortSize(8), listener)
    for serial, model in enumerate(("gru", "rnn", "gru", "gru")):
        cohort.add(serial, TrainingJob(training(model, 1 + serial, steps=200)))
    gpu.counts.clear()
    cohort.round()
    joined = dict(gpu.counts)
    assert joined.get("memory_stats", 0) <= 4 * 5  # members, of each its first turn
    assert joined.get("mem_get_info", 0) <= 4 * 3
    assert {what for what in ("synchronize", "empty_cache", "gc.collect") if what in joined} == set()
    gpu.counts.clear()
    for _ in range(3):
        cohort.round()
    assert gpu.counts == {}
    while not cohort.idle:
        cohort.round()
    gpu.counts.clear()
    cohort.add(9, TrainingJob(training("gru", 9, steps=200)))
    cohort.round()
    assert gpu.counts["memory_stats"] == 0
    assert gpu.counts["mem_get_info"] <= 1
    while not cohort.idle:
        cohort.round()
    assert {record["status"] for record in listener.by_serial.values()} == {"ok"}


def test_members_of_one_replicate_share_its_data_on_the_device(emulate: Emulate) -> None:
    emulate(learners_on_gpu=True)
    device, listener = Gpu(), EndedRecords()
    cohort = Cohort(device, CohortSize(4), listener)
    for serial, model in enumerate(("gru", "rnn", "lstm", "gru")):
        cohort.add(serial, TrainingJob(training(model, 1 + serial // 3)))
    while not cohort.idle:
        cohort.round()
    assert len(device.placed._placed) == 2
    device.free_unused()
    assert len(device.placed._placed) == 0


@pytest.mark.parametrize("where", ["free_bytes", "close"])
def test_an_error_outside_of_a_turn_is_a_lost_device(
    where: str, emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a fault of the GPU every call fails, also those between turns."""
    emulate(learners_on_gpu=True)
    device = Gpu()
    cohort = Cohort(device, CohortSize(4), EndedRecords())
    for serial in range(2):
        cohort.add(serial, TrainingJob(training(replicate=1 + serial, steps=400)))
    cohort.round()

    def fail(*_: Any) -> int:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore about it")

    cohort.add(3, TrainingJob(training(replicate=3)))
    if where == "free_bytes":
        monkeypatch.setattr(device, "free_bytes", fail)
    else:
        monkeypatch.setattr("bench.models.torch_learner.graph.GraphStepper.close", fail)
    with pytest.raises(DeviceLost, match=r"^CUDA error: an illegal memory access was encountered$"):
        cohort.round() if where == "free_bytes" else cohort.drop(1)


def test_idle_graphs_give_way_where_memory_is_short(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = emulate(learners_on_gpu=True)
    device, listener = Gpu(), EndedRecords()
    cohort = Cohort(device, CohortSize(4), listener)
    cohort.add(1, TrainingJob(training("gru", 1)))
    while not cohort.idle:
        cohort.round()
    assert gpu.graphs
    cohort._largest_bytes = 1 << 30
    monkeypatch.setattr(device, "free_bytes", lambda: (1 << 20) if gpu.graphs else (1 << 40))
    cohort.add(2, TrainingJob(training("rnn", 2, steps=400)))
    cohort.round()
    assert cohort.only_member == 2
    kept = [graph for graph in gpu.graphs if graph.stream is not cohort._members[0].place.stream]  # type: ignore[union-attr]
    monkeypatch.setattr(device, "free_bytes", lambda: 1 << 40 if not device.idle._idle else 1 << 20)
    cohort.add(3, TrainingJob(training("lstm", 3)))
    cohort.round()
    assert len(cohort._members) == 2
    assert kept
    assert not any(graph in gpu.graphs for graph in kept)


def test_evaluations_are_scored_while_others_take_their_turns(emulate: Emulate) -> None:
    """The thread that launches work never waits for NumPy."""
    emulate(learners_on_gpu=True)
    device, turns, scored, release = Gpu(), 0, list[int](), threading.Event()

    def work() -> int:
        release.wait(60)
        scored.append(threading.get_ident())
        return 7

    scoring = device.apart(work)
    for _ in range(3):
        next(scoring)
        turns += 1
    release.set()
    assert finish(scoring) == 7
    assert turns == 3
    assert scored != [threading.get_ident()]


def test_an_error_in_scoring_is_the_training_s_own(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    emulate(learners_on_gpu=True)

    def broken(*_: Any) -> float:
        raise ValueError("no such loss")

    monkeypatch.setattr("bench.training.loop.split_loss", broken)
    listener = EndedRecords()
    cohort = Cohort(Gpu(), CohortSize(2), listener)
    cohort.add(1, TrainingJob(training()))
    while not cohort.idle:
        cohort.round()
    assert listener.by_serial[1]["status"] == "failed"
    assert "no such loss" in listener.by_serial[1]["error"]


def test_gradient_flow_is_measured_while_others_take_their_turns(
    emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The launching thread draws the weights, which takes torch's global generator; the rest is NumPy's."""
    emulate(learners_on_gpu=True)
    threads: dict[str, set[int]] = {"draws": set(), "measures": set()}

    def watched(module: Any, name: str, what: str) -> None:
        own = getattr(module, name)

        def call(*args: Any) -> Any:
            threads[what].add(threading.get_ident())
            return own(*args)

        monkeypatch.setattr(module, name, call)

    watched(trained, "build_learner", "draws")
    watched(gradient_flow, "_flow", "measures")
    examined = TrainingJob(replace(training(), on_test_data=True), examine=True)
    listener = EndedRecords()
    cohort = Cohort(Gpu(), CohortSize(2), listener)
    cohort.add(1, examined)
    while not cohort.idle:
        cohort.round()
    assert threads["draws"] == {threading.get_ident()}
    assert threads["measures"]
    assert threading.get_ident() not in threads["measures"]
    alone = examined.perform(lambda *evaluation: None)
    found = listener.by_serial[1]
    assert found["gradient_flow"] == alone["gradient_flow"]
    assert found[FILES] == alone[FILES]
    assert found["gradient_flow"]
