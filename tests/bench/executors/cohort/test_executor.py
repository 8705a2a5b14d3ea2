"""A cohort's process behind the driver's interface: on the CPU, with members that die, hang and lose their device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bench.config.resolve import resolve
from bench.executors.cohort.executor import SUSPECTS, CohortExecutor, LongTurns
from bench.executors.cohort.size import FIRST
from bench.executors.executor import Executor
from bench.executors.inline import InlineExecutor
from bench.executors.processes import ProcessExecutor
from bench.experiment.driver import ATTEMPTS, Driver, Limits
from bench.experiment.machine import look_at_machine, open_executor
from bench.experiment.observer import Observer
from bench.experiment.order import OneBatch, Order
from bench.experiment.run import run
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.records.jsonl import RecordFile
from bench.records.ledger import Ledger
from bench.records.schema import Record
from bench.training.jobs import Job, TrainingJob, attempt
from bench.training.request import Training
from tasks.errors import UserError
from tasks.registry import TASKS

TIMES = ("evaluation_seconds", "wall_seconds", "cpu_seconds", "peak_bytes", "command", "experiment", "stage", "match")
Make = Callable[..., CohortExecutor]


def job(model: str = "linear", replicate: int = 1, steps: int = 40) -> TrainingJob:
    settings = Settings(hidden_size=4, learning_rate=0.1)
    return TrainingJob(Training(TASKS.create("toy"), MODELS.create(model), settings, 8, steps, replicate))


def is_torch(each: Job) -> bool:
    return isinstance(each, TrainingJob) and each.training.model.name != "numpy_gru"


@pytest.fixture
def make(toy_plugin: str) -> Iterator[Make]:
    made: list[CohortExecutor] = []

    def build(size: int | None = 4, **others: Any) -> CohortExecutor:
        settings = {"gpus": [None], "takes": is_torch, "plugins": [toy_plugin], "size": size, **others}
        made.append(CohortExecutor(InlineExecutor([toy_plugin]), **settings))
        return made[-1]

    yield build
    for executor in made:
        executor.close()


@dataclass
class Started(Observer):
    """Keeps which slot each training began in, and the sentences."""

    slots: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def started(self, slot: int, label: str, steps: int) -> None:
        self.slots[label] = slot


def drive(
    executor: Executor, jobs: list[TrainingJob], tmp_path: Path, observer: Observer | None = None, **limits: Any
) -> list[Record]:
    """All jobs as one batch; their records in that order."""
    batch = OneBatch([Order(each, {"stage": "search", "match": "m"}) for each in jobs])
    ledger = Ledger(RecordFile(tmp_path / "records.jsonl"), {}, "rerun")
    Driver(executor, ledger, observer or Observer(), Limits(**limits)).run([batch])
    return batch.records


def outcome(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in TIMES and key != "traceback"}


def alone(each: TrainingJob) -> Record:
    return outcome(attempt(each, lambda *evaluation: None))


def test_the_driver_fills_a_cohort_and_the_workers_each_with_its_own(make: Make, tmp_path: Path) -> None:
    jobs = [job("numpy_gru"), job("gru"), job("numpy_gru", 2), job("linear"), job("lstm"), job("faulty[how=raise]")]
    started = Started()
    executor = make(3)
    assert executor.slots == 1 + 3
    records = drive(executor, jobs, tmp_path, started)
    assert [outcome(record) for record in records] == [alone(each) for each in jobs]
    assert {slot == 0 for label, slot in started.slots.items() if "numpy_gru" in label} == {True}
    assert {slot == 0 for label, slot in started.slots.items() if "numpy_gru" not in label} == {False}


def test_progress_and_curve_are_told_while_it_runs(make: Make) -> None:
    executor = make(2)
    hanging = executor.submit(job("faulty[how=hang,after=20]"), 2)
    while executor.progress(2)[0] < 20:
        wait([hanging], timeout=0.01)
    assert executor.seconds(2) > 0
    curve = executor.curve(2)
    assert curve is not None
    assert curve["step"][:21] == list(range(21))
    assert [step for step, *_ in executor.evaluations(2, 5)][:3] == [5, 6, 7]


def test_who_kills_the_process_is_to_blame_and_the_others_are_trained_again_unharmed(
    make: Make, tmp_path: Path
) -> None:
    jobs = [job("gru", replicate, steps=200) for replicate in (1, 2, 3)]
    records = drive(make(4), [*jobs, job("faulty[how=die]")], tmp_path)
    assert [outcome(record) for record in records[:3]] == [alone(each) for each in jobs]
    assert records[3]["status"] == "failed"
    assert f"died {ATTEMPTS} times" in records[3]["error"]
    assert records[3]["curve"]["step"][:11] == list(range(11))


def test_one_that_hangs_is_ended_with_its_process_and_the_others_are_trained_again_unharmed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.executors.cohort.executor.DROP_SECONDS", 0.2)
    executor = make(4)
    hanging = executor.submit(job("faulty[how=hang]"), 1)
    jobs = {slot: job("gru", slot, steps=60) for slot in (2, 3)}
    futures = [executor.submit(each, slot) for slot, each in jobs.items()]
    while executor.progress(1)[0] < 10:
        wait(futures, timeout=0.01)
    executor.restart(1)
    assert executor.slots == 5  # it looks after its processes
    assert [outcome(future.result(120)) for future in futures] == [alone(each) for each in jobs.values()]
    assert not hanging.done()


def test_a_turn_that_does_not_end_is_not_counted_against_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    now, long_turns = [0.0], LongTurns()
    monkeypatch.setattr("bench.executors.cohort.executor.time.monotonic", lambda: now[0])
    for seconds, serial, count in [(0, 7, 1), (1, 7, 1), (2, 8, 2), (3, 7, 3), (10, 7, 3), (11, 0, 4), (12, 0, 4)]:
        now[0] = float(seconds)
        long_turns.look(serial, count)
    assert long_turns.by_others(8) == 1 + 7  # from each look to the next at the same turn
    assert long_turns.by_others(7) == 0


def test_one_that_takes_too_long_leaves_and_the_process_goes_on(make: Make) -> None:
    executor = make(2)
    endless = TrainingJob(replace(job(steps=10**8).training, evaluation_interval=10))
    long, other = executor.submit(endless, 1), executor.submit(job("gru", steps=300), 2)
    while executor.progress(1)[0] == 0 and not long.done():
        wait([long], timeout=0.01)
    process = executor._cohorts[0].process
    executor.restart(1)
    again = executor.submit(job(replicate=2), 1)
    assert again.result(60)["status"] == other.result(60)["status"] == "ok"
    assert executor._cohorts[0].process is process
    assert not long.done()


def test_where_nobody_is_to_blame_for_certain_each_is_trained_alone(make: Make) -> None:
    executor = make(3)
    futures = [executor.submit(job("gru", replicate, steps=600), replicate) for replicate in (1, 2, 3)]
    while executor.progress(3)[0] == 0:
        wait(futures, timeout=0.01)
    process = executor._cohorts[0].process
    process.end()
    executor._cohorts[0].turns[0] = 0  # as where the device was lost while several were there
    assert executor.slots == 4
    assert executor._cohorts[0].process is not process
    assert all(running.company == 1 for running in executor._cohorts[0].process.running.values())
    assert [outcome(future.result(120)) for future in futures] == [
        alone(job("gru", replicate, steps=600)) for replicate in (1, 2, 3)
    ]


def test_a_gpu_that_is_not_there_ends_the_run_and_what_was_recorded_is_kept(make: Make, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    first = drive(make(2), [job()], tmp_path)
    with pytest.raises(UserError, match=r"GPU 0 can't be used any more \(.*\): what was recorded is whole; see that"):
        drive(make(2, gpus=["0"]), [job(), job(replicate=2)], tmp_path)
    again = drive(make(2), [job(), job(replicate=2)], tmp_path)
    assert again[0] == first[0]
    assert [record["status"] for record in again] == ["ok", "ok"]
    assert len(RecordFile(tmp_path / "records.jsonl").read()) == 2


def test_a_training_that_begins_again_is_told_and_timed_anew(make: Make) -> None:
    executor = make(2)
    slow = TrainingJob(replace(job("gru", steps=10**6).training, evaluation_interval=1))
    future = executor.submit(slow, 1)
    while executor.progress(1)[0] < 20:
        wait([future], timeout=0.01)
    assert executor.seconds(1) >= 0
    executor._cohorts[0].process.end()
    executor._cohorts[0].turns[0] = 99  # whoever that was
    assert executor.slots == 3
    assert executor.seconds(1) == 0.0  # until it has begun
    while not executor.evaluations(1):
        wait([future], timeout=0.01)
    assert executor.evaluations(1)[0][0] == 0
    assert executor.curve(1)["step"][0] == 0  # type: ignore[index]


def test_its_slots_begin_few_and_grow_on_request_of_the_cohort(make: Make) -> None:
    executor = make(None)
    assert executor.slots == 1 + FIRST
    executor._cohorts[0].process._grown(4 * FIRST)
    executor._cohorts[0].process._grown(FIRST)
    assert executor.slots == 1 + 4 * FIRST
    assert {executor.lane_of(slot) for slot in range(1, executor.slots)} == {executor.lane(job())}


def test_a_large_group_of_suspects_is_divided_before_each_is_trained_alone(make: Make) -> None:
    executor = make(12)
    jobs = [job("gru", replicate, steps=400) for replicate in range(1, 13)]
    futures = [executor.submit(each, slot) for slot, each in enumerate(jobs[:10], start=1)]
    while executor.progress(10)[0] == 0:
        wait(futures, timeout=0.01)
    lost = executor._cohorts[0].process
    lost.end()
    futures += [executor.submit(each, slot) for slot, each in enumerate(jobs[10:], start=11)]  # which never began
    executor._cohorts[0].turns[0] = 0
    assert executor.slots == 13
    running = executor._cohorts[0].process.running
    assert [each.company for _, each in sorted(running.items())] == [*[SUSPECTS] * 10, None, None]
    assert [outcome(future.result(120)) for future in futures] == [alone(each) for each in jobs]


def test_gpus_that_are_found_later_are_used_too(make: Make, tmp_path: Path) -> None:
    executor = make(2)
    executor.use([None, None])  # type: ignore[list-item]
    assert executor.slots == 1 + 4
    assert executor.workers == 1
    jobs = [job("gru", replicate) for replicate in range(1, 5)]
    assert [outcome(record) for record in drive(executor, jobs, tmp_path)] == [alone(each) for each in jobs]
    assert all(cohort.process.served for cohort in executor._cohorts)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells the environment of a process")
def test_a_cohort_s_process_has_its_settings_before_cuda_starts(make: Make) -> None:
    process = make(1, gpus=["1"])._cohorts[0].process._process
    found = dict(
        pair.partition("=")[::2] for pair in Path(f"/proc/{process.pid}/environ").read_text().split("\0") if pair
    )
    assert found["CUDA_DEVICE_MAX_CONNECTIONS"] == "32"
    assert found["CUBLAS_WORKSPACE_CONFIG"] == ":4096:2"
    assert found["CUDA_VISIBLE_DEVICES"] == "1"


def test_where_a_gpu_was_asked_for_its_process_looks_and_no_worker_starts(tmp_path: Path) -> None:
    import torch

    flags = {"models": "gru,numpy_gru", "tasks": "sine", "device": "cuda", "results": str(tmp_path)}
    made = resolve({**flags, "workers": 2, "cohort": 2})
    executor = open_executor(made, Observer(), cohorts=True)
    assert isinstance(executor, CohortExecutor)
    try:
        if torch.cuda.is_available():
            assert look_at_machine(made, executor, cohorts=True)["gpus"]
        else:
            with pytest.raises(UserError, match="device 'cuda' is requested, but torch finds no GPU"):
                look_at_machine(made, executor, cohorts=True)
        assert isinstance(executor._others, ProcessExecutor)
        assert executor._others._pools == [None, None]
        assert executor.workers == 2
        on_cpu = replace(job("numpy_gru").training, task=TASKS.create("sine"), batch_size=64)
        assert executor.submit(TrainingJob(on_cpu), 1).result(60)["status"] == "ok"
        assert [pool is None for pool in executor._others._pools] == [True, False]
    finally:
        executor.close()


def test_two_gpus_have_a_cohort_each(make: Make, tmp_path: Path) -> None:
    executor = make(2, gpus=[None, None])
    assert executor.slots == 1 + 4
    jobs = [job("gru", replicate) for replicate in range(1, 8)]
    assert [outcome(record) for record in drive(executor, jobs, tmp_path)] == [alone(each) for each in jobs]
    assert all(cohort.process.served for cohort in executor._cohorts)


def test_a_training_for_a_gpu_goes_to_a_cohort_and_no_other() -> None:
    from bench.executors.inline import InlineExecutor as Others

    executor = CohortExecutor(Others(), [])
    on_gpu = replace(job().training, settings=replace(job().training.settings, device="cuda"))
    assert executor.lane(job()) != executor.lane(TrainingJob(on_gpu))
    executor.close()


def pretend_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """An experiment's first look at the machine finds a GPU."""
    from bench.experiment import workers

    look = workers.look_at_machine
    found = {"device": "cuda", "gpus": ["0"]}
    monkeypatch.setattr(workers, "look_at_machine", lambda *asked, **more: {**look(*asked, **more), **found})


FLAGS = {"models": "linear,gru,numpy_gru", "tasks": "toy", "budget": "smoke", "workers": 1, "name": "e"}


def flags_for(toy_plugin: str, folder: Path) -> dict[str, Any]:
    return {**FLAGS, "plugins": [toy_plugin], "results": str(folder)}


def test_a_whole_experiment_in_cohorts_has_the_records_of_one_in_workers(
    toy_plugin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = flags_for(toy_plugin, tmp_path / "workers")
    run(resolve(flags))
    pretend_gpu(monkeypatch)
    monkeypatch.setattr("bench.experiment.cell.device_of", lambda model, device: "cpu")
    made: list[CohortExecutor] = []

    class OnCpu(CohortExecutor):
        def __init__(self, others: Executor, gpus: Any, plugins: Any, size: int | None, note: Any) -> None:
            assert (gpus, size) == (["0"], 3)
            super().__init__(others, [None], plugins, size, note, is_torch)
            made.append(self)

    monkeypatch.setattr("bench.executors.cohort.executor.CohortExecutor", OnCpu)
    outcome_ = run(resolve({**flags, "cohort": 3, "results": str(tmp_path / "cohorts")}))
    assert outcome_.failures == 0
    assert made[0]._cohorts[0].process.served
    found = [
        {
            (r["key"], r["stage"], r["trial"]): outcome(r)
            for r in RecordFile(tmp_path / where / "e/records.jsonl").read()
        }
        for where in ("workers", "cohorts")
    ]
    for records in found:
        for record in records.values():
            record.pop("timing", None)
    assert found[0] == found[1]


def test_a_gpu_that_goes_ends_the_run_with_a_sentence_and_another_run_goes_on(
    toy_plugin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    flags = flags_for(toy_plugin, tmp_path)
    with monkeypatch.context() as patch:
        pretend_gpu(patch)
        with pytest.raises(UserError, match="GPU 0 can't be used any more"):
            run(resolve({**flags, "models": "linear,gru"}))
    assert run(resolve({**flags, "models": "linear,gru"})).failures == 0
