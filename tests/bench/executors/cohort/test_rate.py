"""What `--device auto` compares with the CPU's workers: the steps of trainings that share a device."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench.config.resolve import resolve
from bench.executors.cohort import gpu as cohort_device
from bench.executors.cohort import rate as cohort_rate
from bench.executors.cohort.device import Device
from bench.executors.cohort.gpu import Gpu
from bench.executors.cohort.size import FIRST
from bench.experiment import probe
from bench.experiment.machine import look_at_machine, open_executor
from bench.measure.device import choose_device
from bench.models.contract import Learner, Settings
from bench.models.registry import MODELS
from bench.models.stepper import EagerStepper, StepPlan
from bench.training.jobs import attempt
from bench.training.request import Training
from bench.training.train import OpenStepper
from tasks.registry import TASKS

TRAINING = Training(TASKS.create("sine"), MODELS.create("gru"), Settings(8, learning_rate=1e-3), 64, 100, 0)
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class Watched(Device):
    """The CPU, with room for so many; a clock that each step moves on by a hundredth of a second."""

    def __init__(self, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room, self.seconds = room, 0.0
        self.opened: list[EagerStepper] = []
        self.closed = 0
        self.alone: list[bool] = []
        self.weights: set[str] = set()
        monkeypatch.setattr(cohort_rate, "time", SimpleNamespace(perf_counter=lambda: self.seconds))

    def stepper_opener(self, alone: bool) -> OpenStepper:
        self.alone.append(alone)
        self.opened.clear()
        device = self

        class Stepper(EagerStepper):
            def step(self) -> None:
                device.seconds += 0.01
                super().step()

            def close(self) -> None:
                device.closed += 1

        def opened(learner: Learner, plan: StepPlan) -> EagerStepper:
            if len(self.opened) == self.room:
                raise RuntimeError("CUDA out of memory")
            self.opened.append(Stepper(learner, plan))
            self.weights.add(learner.state()["weight_hh_l0"].tobytes().hex())
            return self.opened[-1]

        return opened


def test_it_is_the_steps_of_all_of_them_by_the_time_that_they_took(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Watched(FIRST, monkeypatch)
    rate, members = cohort_rate.cohort_rate(TRAINING, device)
    assert members == FIRST
    assert rate == pytest.approx(100)
    assert (len(device.weights), device.closed) == (FIRST, FIRST)  # each its own training; none left open
    assert device.alone == [False]


def test_fewer_are_tried_where_memory_does_not_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Watched(FIRST // 2 - 1, monkeypatch)
    assert cohort_rate.cohort_rate(TRAINING, device)[1] == FIRST // 4
    with pytest.raises(RuntimeError, match="out of memory"):
        cohort_rate.cohort_rate(TRAINING, Watched(0, monkeypatch))


def test_trainings_that_can_t_share_are_timed_alone() -> None:
    with_dropout = replace(TRAINING, settings=Settings(8, 2, learning_rate=1e-3, dropout=0.2))
    rate, members = cohort_rate.cohort_rate(with_dropout, Device())
    assert members == 1
    assert rate > 0


def test_what_else_goes_wrong_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(Device, "stepper_opener", lambda *_, alone: broken)
    with pytest.raises(RuntimeError, match="no such kernel"):
        cohort_rate.cohort_rate(TRAINING, Device())


def test_auto_compares_a_cohort_with_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole look at the machine, with the CPU in the place of a GPU."""
    asked: list[Training] = []

    def measured(training: Training, device: Device) -> tuple[float, int]:
        asked.append(training)
        return 1e9, 8

    monkeypatch.setattr(choose_device, "__kwdefaults__", {"available": lambda: True, "why": lambda: ""})
    monkeypatch.setattr(cohort_rate, "cohort_rate", measured)
    monkeypatch.setattr(cohort_device, "Gpu", Device)
    monkeypatch.setattr(probe, "_count_gpus", lambda: 1)
    job = probe.ProbeJob("auto", TRAINING, workers=2, cohorts=True, uses_torch=True)
    found = attempt(job, lambda *evaluation: None)
    assert found["device"] == "cuda", found
    assert found["gpus"] == ["0"]
    assert found["reason"].startswith("cuda: the GPU with 8 trainings at once makes 1,000,000,000 training steps")
    assert [training.settings.device for training in asked] == ["cuda"]


def test_a_look_that_takes_long_is_told_of(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.experiment import machine as workplace
    from bench.experiment.observer import Observer

    class Listening(Observer):
        def __init__(self) -> None:
            self.notes: list[str] = []

        def note(self, text: str) -> None:
            self.notes.append(text)

    monkeypatch.setattr(workplace, "NOTE_SECONDS", 0.0)
    made = resolve({"models": "numpy_gru", "workers": 1, "results": str(tmp_path)})
    listening, executor = Listening(), open_executor(made, Observer())
    try:
        look_at_machine(made, executor, observer=listening)
    finally:
        executor.close()
    assert listening.notes == ["looking at the machine …"]


@gpu
@pytest.mark.gpu
def test_a_gpu_makes_more_steps_with_eight_than_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    training = replace(TRAINING, settings=replace(TRAINING.settings, hidden_size=32, device="cuda"))
    together, members = cohort_rate.cohort_rate(training, Gpu())
    monkeypatch.setattr(cohort_rate, "FIRST", 1)
    alone, _ = cohort_rate.cohort_rate(training, Gpu())
    assert members == FIRST
    assert together > alone
