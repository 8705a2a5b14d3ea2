"""Timing tells the times apart, leaves the learner as it was, and works for every model."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from bench.measure import timing as timing_module
from bench.measure.timing import FEWEST_SAMPLES, GPU_WARM_UP_SECONDS, WARM_UP_CALLS, step_seconds, take, time_learner
from bench.models.contract import Learner, ParameterCount, Problem, Settings
from bench.models.registry import MODELS
from bench.seeds import generator
from tasks.contract import Array, Split

PROBLEM = Problem(input_size=2, output_size=1, loss="mse", sequence_length=5)
KEYS = {
    "forward_seconds",
    "step_seconds",
    "step_seconds_iqr",
    "forward_seconds_iqr",
    "latency_seconds_iqr",
    "latency_seconds",
    "sequences_per_second",
    "flops_per_step",
    "threads",
    "has_warnings",
    "kernel",
}


def make_split(sequences: int = 6) -> Split:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(sequences, 5, 2)).astype(np.float32)
    return Split(inputs, rng.normal(size=(sequences, 1)).astype(np.float32))


@pytest.mark.parametrize("name", list(MODELS.entries()))
def test_every_model_can_be_timed_and_is_left_as_it_was(name: str) -> None:
    model = MODELS.create(name)
    learner = model.build(PROBLEM, Settings(4, dropout=0.0), generator("init", model.cell, 0), 0)
    before = learner.state()
    timing = time_learner(learner, make_split(), 8, flops_per_step=123, seconds=0.03)
    assert timing.keys() == KEYS
    for key in ("forward_seconds", "step_seconds", "latency_seconds", "sequences_per_second"):
        assert timing[key] > 0
        assert math.isfinite(timing[key])
    assert timing["step_seconds_iqr"] >= 0
    assert timing["sequences_per_second"] == pytest.approx(8 / timing["step_seconds"])
    assert timing["flops_per_step"] == 123
    assert timing["threads"] == torch.get_num_threads()
    assert timing["kernel"] == learner.kernel
    assert isinstance(timing["has_warnings"], bool)
    after = learner.state()
    assert learner.learning_rate == Settings(4).learning_rate
    assert all(np.array_equal(before[key], after[key]) for key in before)


class Spinning(Learner):
    """Takes known times: a microsecond a sequence to predict, and a hundred times that for a step."""

    kernel = "spinning"
    learning_rate = 1.0

    def __init__(self) -> None:
        self.rates: set[float] = set()
        self.sizes: set[int] = set()

    @property
    def parameter_count(self) -> ParameterCount:
        return ParameterCount(0, 0)

    def place(self, split: Split) -> Split:
        return split

    def batches(self, placed: Split, order: Array, batch_size: int) -> Iterator[Split]:
        yield take(placed, order[:batch_size])

    def train_step(self, batch: Split) -> float:
        self.rates.add(self.learning_rate)
        self.sizes.add(len(batch))
        spin(100e-6 * len(batch))
        return 0.0

    def losses(self, collected: Sequence[Any]) -> Array:
        return np.array(collected)

    def predict(self, placed: Split) -> Array:
        spin(1e-6 * len(placed))
        return np.zeros((len(placed), 1))

    def state(self) -> dict[str, Array]:
        return {}

    def load_state(self, state: Mapping[str, Array]) -> None:
        assert state == {}


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_times_are_those_of_the_calls() -> None:
    learner = Spinning()
    timing = time_learner(learner, make_split(), 50, seconds=0.06)
    # a shared machine makes things slower, never faster
    assert 5e-3 <= timing["step_seconds"] < 5e-2
    assert 50e-6 <= timing["forward_seconds"] < 5e-3
    assert 1e-6 <= timing["latency_seconds"] < timing["forward_seconds"]
    assert timing["flops_per_step"] is None
    assert learner.sizes == {50}  # six sequences, repeated to a whole batch
    assert learner.rates == {1.0}


class Clock:
    """A GPU whose clock goes on by a millisecond a call, and its events."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.milliseconds, self.log = 0.0, list[str]()
        monkeypatch.setattr(torch.cuda, "Event", lambda enable_timing: _Event(self, enable_timing))
        monkeypatch.setattr(torch.cuda, "synchronize", lambda: self.log.append("wait for all"))


class _Event:
    def __init__(self, clock: Clock, enable_timing: bool) -> None:
        assert enable_timing
        self.clock = clock

    def record(self) -> None:
        self.at = self.clock.milliseconds
        self.clock.log.append("record")

    def synchronize(self) -> None:
        self.clock.log.append("wait")

    def elapsed_time(self, end: _Event) -> float:
        assert self.clock.log[-1] == "wait"  # an event that has not come yet has no time
        return end.at - self.at


def test_on_a_gpu_its_own_clock_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, learner = Clock(monkeypatch), Spinning()
    learner.on_gpu = True

    def step(batch: Split) -> float:
        clock.milliseconds += 2.0
        clock.log.append("step")
        return 0.0

    def predict(placed: Split) -> Array:
        clock.milliseconds += 0.5 if len(placed) > 1 else 0.25
        return np.zeros((len(placed), 1))

    learner.train_step, learner.predict = step, predict  # type: ignore[method-assign]
    monkeypatch.setattr(timing_module, "GPU_WARM_UP_SECONDS", 0.0)
    monkeypatch.setattr(timing_module, "clock_mhz", lambda: 1980)
    timing = time_learner(learner, make_split(), 50, seconds=0.06)
    assert timing.keys() == KEYS | {"clock_mhz", "host_bound"}
    assert timing["clock_mhz"] == 1980
    assert timing["host_bound"] is False  # a launch takes no time here
    assert timing["step_seconds"] == pytest.approx(2e-3)
    assert timing["forward_seconds"] == pytest.approx(0.5e-3)
    assert timing["latency_seconds"] == pytest.approx(0.25e-3)
    assert timing["sequences_per_second"] == pytest.approx(25_000)
    warmed_up = clock.log.index("wait for all")
    expected = [*["step"] * WARM_UP_CALLS, "wait for all", "record"]
    assert clock.log[warmed_up + 1 : warmed_up + 1 + len(expected)] == expected


def test_a_gpu_is_kept_busy_before_it_is_timed_and_is_told_where_it_waits_for_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, learner, now = Clock(monkeypatch), Spinning(), [0.0]
    learner.on_gpu = True
    before_clock_was_read: list[int] = []

    def step(batch: Split) -> float:
        now[0] += 1e-3  # the host launches for as long
        clock.milliseconds += 1.0  # as the GPU runs
        clock.log.append("step")
        return 0.0

    learner.train_step = step  # type: ignore[method-assign]
    monkeypatch.setattr(timing_module.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(learner, "predict", lambda placed: setattr(clock, "milliseconds", clock.milliseconds + 1.0))
    monkeypatch.setattr(timing_module, "clock_mhz", lambda: before_clock_was_read.append(clock.log.count("step")))
    timing = time_learner(learner, make_split(), 50, seconds=0.06)
    assert timing["host_bound"] is True
    assert before_clock_was_read[0] >= GPU_WARM_UP_SECONDS / 1e-3
    assert timing["clock_mhz"] is None


def test_a_step_that_decides_on_a_device_or_a_size_is_not_timed_on_an_idle_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, learner, now = Clock(monkeypatch), Spinning(), [0.0]
    learner.on_gpu = True

    def step(batch: Split) -> float:
        now[0] += 1e-3
        clock.milliseconds += 1.0
        clock.log.append("step")
        return 0.0

    learner.train_step = step  # type: ignore[method-assign]
    monkeypatch.setattr(timing_module.time, "perf_counter", lambda: now[0])
    model = MODELS.create("gru")
    monkeypatch.setattr(type(model), "build", lambda *_: learner)
    assert step_seconds(model, Settings(4), make_split(), PROBLEM, 8) == pytest.approx(1e-3)
    assert clock.log[: clock.log.index("record")].count("step") >= GPU_WARM_UP_SECONDS / 1e-3


def test_slow_calls_are_sampled_often_enough_for_a_spread() -> None:
    learner, calls = Spinning(), []
    step = learner.train_step
    learner.train_step = lambda batch: calls.append(len(batch)) or step(batch)  # type: ignore[method-assign]
    time_learner(learner, make_split(), 20, seconds=1e-6)
    assert len(calls) >= WARM_UP_CALLS + FEWEST_SAMPLES


def test_a_configuration_takes_about_the_seconds_it_is_given() -> None:
    start = time.perf_counter()
    time_learner(Spinning(), make_split(), 5, seconds=0.3)
    # estimating the block size and the last block come on top
    assert time.perf_counter() - start < 3.0


def test_a_step_is_timed_on_the_device_of_the_settings() -> None:
    seconds = step_seconds(MODELS.create("gru"), Settings(4), make_split(), PROBLEM, 8)
    assert 1e-6 < seconds < 1.0


def test_taking_sequences_takes_their_masks_and_lengths() -> None:
    split = make_split()
    whole = Split(split.inputs, split.targets, np.eye(6, 5, dtype=bool), np.arange(6))
    part = take(whole, np.array([4, 1]))
    assert part.mask is not None
    assert part.lengths is not None
    np.testing.assert_array_equal(part.inputs, split.inputs[[4, 1]])
    np.testing.assert_array_equal(part.targets, split.targets[[4, 1]])
    np.testing.assert_array_equal(part.mask, np.eye(6, 5, dtype=bool)[[4, 1]])
    np.testing.assert_array_equal(part.lengths, [4, 1])
    assert take(split, np.array([0])).mask is None


class _FixedRate(Learner):
    """A learner whose rate cannot be set, and whose step needs it: the contract allows a schedule, no zero."""

    kernel = "numpy"

    def __init__(self) -> None:
        self._weight = np.ones((1, 10))

    @property
    def learning_rate(self) -> float:  # type: ignore[override]
        return 0.01

    @property
    def parameter_count(self) -> ParameterCount:
        return ParameterCount(0, 10)

    def place(self, split: Split) -> Any:
        return split.inputs.reshape(len(split.inputs), -1).astype(float), split.targets

    def batches(self, placed: Any, order: Array, batch_size: int) -> Iterator[Any]:
        yield placed

    def train_step(self, batch: Any) -> float:
        self._weight = self._weight - self.learning_rate * batch[0].mean(axis=0)
        return 0.0

    def losses(self, collected: Sequence[Any]) -> Array:
        return np.array(collected)

    def predict(self, placed: Any) -> Array:
        return np.asarray(placed[0] @ self._weight.T)

    def state(self) -> dict[str, Array]:
        return {"weight": self._weight}

    def load_state(self, state: Mapping[str, Array]) -> None:
        self._weight = state["weight"]


def test_a_timing_sets_nothing_of_a_learner() -> None:
    learner = _FixedRate()
    assert time_learner(learner, make_split(), 6, seconds=0.03)["step_seconds"] > 0
    np.testing.assert_array_equal(learner.state()["weight"], np.ones((1, 10)))
