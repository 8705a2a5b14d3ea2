"""A cohort on the CPU: whoever is beside it, a training gives what it gives alone."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from bench.executors.cohort.cohort import Cohort
from bench.executors.cohort.device import Device, DeviceLost
from bench.executors.cohort.gpu import Gpu
from bench.executors.cohort.size import CohortSize
from bench.models.contract import Learner, Settings
from bench.models.registry import MODELS
from bench.models.stepper import Stepper, StepPlan
from bench.models.torch_model import TorchModel
from bench.records.schema import Record
from bench.training.jobs import TimingJob, TrainingJob, attempt, failure_of
from bench.training.request import Training
from tasks.registry import TASKS

from .huge import Huge

pytestmark = pytest.mark.usefixtures("toy_plugin")
TIMES = ("evaluation_seconds", "wall_seconds", "cpu_seconds", "peak_bytes", "energy_joules", "traceback")


@dataclass
class Diary:
    """A listener that writes down what passes."""

    records: dict[int, Record] = field(default_factory=dict)
    events: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    running: set[int] = field(default_factory=set)
    most: int = 0

    def turn(self, serial: int) -> None:
        self.events.append(("turn", serial))

    def began(self, serial: int) -> None:
        self.events.append(("began", serial))
        self.running.add(serial)
        self.most = max(self.most, len(self.running))

    def evaluated(self, serial: int, evaluation: tuple[float | None, ...]) -> None:
        self.events.append(("evaluated", serial))

    def ended(self, serial: int, record: Record) -> None:
        assert serial not in self.records
        self.running.discard(serial)
        self.records[serial] = record

    def note(self, text: str) -> None:
        self.notes.append(text)


def job(model: str = "linear", task: str = "toy", replicate: int = 1, steps: int = 40, **settings: Any) -> TrainingJob:
    made = Settings(**{"hidden_size": 4, "learning_rate": 0.1, **settings})
    return TrainingJob(Training(TASKS.create(task), MODELS.create(model), made, 8, steps, replicate))


def run(jobs: Iterable[Any], size: int = 8, device: Device | None = None) -> Diary:
    diary = Diary()
    cohort = Cohort(device or Device(), CohortSize(size), diary)
    for serial, each in enumerate(jobs, start=1):
        cohort.add(serial, each)
    while not cohort.idle:
        cohort.round()
    return diary


def outcome(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in TIMES}


def alone(each: TrainingJob) -> Record:
    return outcome(attempt(each, lambda *evaluation: None))


MIXED = [
    ("gru", {"hidden_size": 4}),
    ("gru", {"hidden_size": 7, "num_layers": 2}),
    ("lstm", {"hidden_size": 5}),
    ("rnn", {"hidden_size": 3, "learning_rate": 0.01}),
    ("numpy_gru", {"hidden_size": 4}),
    ("linear", {}),
    ("faulty[how=nan]", {}),
    ("faulty[how=raise]", {}),
    ("gru", {"hidden_size": 4, "learning_rate": 1e38, "clip_norm": None}),
]


def mixed() -> list[TrainingJob]:
    return [job(model, replicate=1 + number, **settings) for number, (model, settings) in enumerate(MIXED)]


@pytest.fixture(scope="module")
def expected(toy_plugin: str) -> dict[str, Record]:
    return {each.key(): alone(each) for each in mixed()}


@pytest.mark.parametrize("size", [1, 3, 6])
@pytest.mark.parametrize("seed", [0, 1])
def test_models_and_sizes_share_a_cohort_in_any_order_and_each_is_as_alone_to_the_last_bit(
    expected: dict[str, Record], size: int, seed: int
) -> None:
    jobs = mixed()
    random.Random(seed).shuffle(jobs)
    diary = run(jobs, size)
    assert diary.most == size
    assert {each.key(): outcome(diary.records[serial]) for serial, each in enumerate(jobs, start=1)} == expected
    statuses = sorted(record["status"] for record in diary.records.values())
    assert statuses == ["diverged", "diverged", "failed", *["ok"] * 6]


def test_members_take_turns_and_a_new_one_joins_where_one_has_left() -> None:
    diary = run([job(steps=1000), job(replicate=2, steps=1000), job(replicate=3, steps=40)], size=2)
    turns = [serial for event, serial in diary.events if event == "turn" and serial]
    assert turns[:9] == [1, 2, 1, 2, 1, 2, 1, 2, 1]  # who joins has its first turn at once
    assert diary.events.index(("began", 3)) > turns.index(2)
    assert set(diary.records) == {1, 2, 3}


def test_a_member_is_blamed_for_its_own_turn_only() -> None:
    diary = run([job(steps=100), job(replicate=2, steps=100)], size=2)
    current = 0
    for event, serial in diary.events:
        if event == "turn":
            current = serial
        elif event == "evaluated":
            assert serial == current


@dataclass(frozen=True)
class Noisy(TorchModel):
    """Drops values whatever the settings say, as a plug-in may."""

    name = "noisy"
    summary = "drops values"

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(input_size, hidden_size), torch.nn.Dropout(0.5))


@pytest.mark.parametrize("model", ["gru", "lstm", "noisy"])
def test_no_training_sees_the_masks_of_another(model: str) -> None:
    made = Noisy() if model == "noisy" else MODELS.create(model)
    settings = Settings(4, num_layers=2, dropout=0.5 if model != "noisy" else 0.0, learning_rate=0.01)
    drawing = [
        TrainingJob(Training(TASKS.create("toy"), made, settings, 8, 80, replicate)) for replicate in range(1, 4)
    ]
    others = [job("gru", replicate=replicate, steps=80) for replicate in range(4, 7)]
    diary = run([drawing[0], others[0], drawing[1], *others[1:], drawing[2]], size=4)
    found = {record["key"]: outcome(record) for record in diary.records.values()}
    assert found == {each.key(): alone(each) for each in [*drawing, *others]}
    unlike = replace(drawing[0].training, settings=replace(settings, learning_rate=0.0))
    losses = alone(TrainingJob(unlike))["curve"]["train_loss"]
    assert len(set(losses[1:])) > 2  # there are masks to see


class Small(Device):
    """A device that holds so many trainings at once."""

    def __init__(self, most: int, when: str = "joining") -> None:
        self.most, self.when, self.there = most, when, 0

    def stepper_opener(self, alone: bool) -> Any:
        open_stepper = super().stepper_opener(alone)

        def opened(learner: Learner, plan: StepPlan) -> Stepper:
            stepper = open_stepper(learner, plan)
            self.there += 1
            if self.there > self.most and self.when == "joining":
                self.there -= 1
                raise torch.OutOfMemoryError("CUDA out of memory")
            step, close = stepper.step, stepper.close

            def checked() -> None:
                if self.there > self.most and self.when == "training":
                    raise torch.OutOfMemoryError("CUDA out of memory")
                step()

            def closed() -> None:
                close()
                self.there -= 1

            stepper.step, stepper.close = checked, closed  # type: ignore[method-assign]
            return stepper

        return opened


@pytest.mark.parametrize(("when", "members"), [("joining", 6), ("training", 8)])
def test_a_cohort_larger_than_the_memory_is_halved_and_all_end_as_alone(when: str, members: int) -> None:
    jobs = [job(replicate=replicate, steps=120) for replicate in range(1, 12)]
    diary = run(jobs, size=8, device=Small(5, when))
    assert {record["key"]: outcome(record) for record in diary.records.values()} == {
        each.key(): alone(each) for each in jobs
    }
    assert diary.notes[0].startswith(f"out of memory with {members} trainings at once: ")
    assert diary.notes[0].endswith(f"from now on there are at most {members // 2} at once")


def test_a_training_that_does_not_even_fit_alone_is_recorded_and_the_others_are_unharmed() -> None:
    jobs = [job(replicate=replicate, steps=120) for replicate in range(1, 4)]
    faulty = job("faulty[how=memory]")
    diary = run([*jobs, faulty], size=4)
    assert diary.records[4]["status"] == "out_of_memory"
    assert [outcome(diary.records[serial]) for serial in (1, 2, 3)] == [alone(each) for each in jobs]


class Tight(Device):
    """A device with room for three trainings of a gigabyte, which counts how often it is asked."""

    free, asked = 3 << 30, 0

    def free_bytes(self) -> int:
        self.asked += 1
        return self.free

    def stepper_opener(self, alone: bool) -> Any:
        open_stepper = super().stepper_opener(alone)

        def opened(learner: Learner, plan: StepPlan) -> Stepper:
            stepper = open_stepper(learner, plan)
            self.free -= 1 << 30
            close = stepper.close

            def closed() -> None:
                close()
                self.free += 1 << 30

            stepper.close = closed  # type: ignore[method-assign]
            return stepper

        return opened


def test_nobody_joins_where_the_last_one_s_memory_is_not_free_with_something_to_spare() -> None:
    device = Tight()
    jobs = [job(replicate=replicate, steps=200) for replicate in range(1, 7)]
    diary = run(jobs, size=6, device=device)
    assert diary.most == 2  # a third one would leave nothing to spare
    assert {record["status"] for record in diary.records.values()} == {"ok"}
    assert device.free == 3 << 30
    assert device.asked < 5 * len(jobs)  # on a GPU, to ask is to wait for it


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "out_of_memory"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "out_of_memory"),
        (RuntimeError("CUDA error: out of memory"), "out_of_memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"), "out_of_memory"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "out_of_memory"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("CUDA error: device-side assert triggered"), "failed"),
        (ValueError("out of memory, says the plug-in"), "failed"),
    ],
)
def test_memory_runs_out_under_several_names(error: Exception, status: str) -> None:
    assert failure_of(job(), error)["status"] == status


def test_a_core_that_asks_for_too_much_is_out_of_memory_and_harms_nobody() -> None:
    huge = TrainingJob(replace(job("gru").training, model=Huge()))
    diary = run([huge, job("gru", replicate=2)])
    assert diary.records[1]["status"] == "out_of_memory", diary.records[1]["error"]
    assert outcome(diary.records[2]) == alone(job("gru", replicate=2))


def test_a_dropped_training_is_forgotten_and_the_others_go_on() -> None:
    diary = Diary()
    cohort = Cohort(Device(), CohortSize(2), diary)
    jobs = [job(replicate=replicate, steps=400) for replicate in range(1, 5)]
    for serial, each in enumerate(jobs, start=1):
        cohort.add(serial, each)
    for _ in range(3):
        cohort.round()
    cohort.drop(1)  # it runs
    cohort.drop(4)  # it waits
    cohort.drop(99)
    while not cohort.idle:
        cohort.round()
    assert {serial: outcome(record) for serial, record in diary.records.items()} == {
        serial: alone(jobs[serial - 1]) for serial in (2, 3)
    }


def test_a_timing_has_the_process_for_itself() -> None:
    timing = TimingJob(job().training, 0.01, "here")
    diary = run([job(steps=400), timing, job(replicate=2, steps=400)], size=3)
    at = diary.events.index(("began", 2))
    assert not any(event == "evaluated" for event, _ in diary.events[at:])
    assert diary.records[2]["timing"]["step_seconds"] > 0


class Breaking(Device):
    """A device that is gone after an error that is not a training's own."""

    def check(self, error: Exception) -> None:
        if "illegal memory access" in str(error):
            raise DeviceLost(str(error)) from error

    def stepper_opener(self, alone: bool) -> Any:
        def opened(learner: Learner, plan: StepPlan) -> Stepper:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

        return opened


def test_a_lost_device_is_nobody_s_failure() -> None:
    with pytest.raises(DeviceLost, match="illegal memory access"):
        run([job(), job(replicate=2)], device=Breaking())


class Metered(Device):
    """Takes a joule whenever it is asked."""

    taken = 0.0

    def joules(self) -> float:
        self.taken += 1.0
        return self.taken


def test_energy_is_shared_by_those_who_are_there() -> None:
    device = Metered()
    diary = run([job(replicate=replicate, steps=200) for replicate in range(1, 5)], size=4, device=device)
    shares = [record["energy_joules"] for record in diary.records.values()]
    assert all(share > 0 for share in shares)
    assert sum(shares) <= device.taken
    assert run([job()]).records[1]["energy_joules"] is None


def test_an_error_is_the_gpu_s_only_where_it_answers_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, answers = Gpu(), True

    def synchronize() -> None:
        if not answers:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore about it")

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    gpu.check(ValueError("a plug-in's own"))
    answers = False
    gpu.check(torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(DeviceLost, match=r"^CUDA error: an illegal memory access was encountered$"):
        gpu.check(RuntimeError("CUDA error: unspecified launch failure"))


def test_a_gpu_that_is_not_there_is_found_out_before_the_first_training() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(DeviceLost, match=r".+"):
        Gpu().prepare()
