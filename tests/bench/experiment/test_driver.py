"""The driver against an executor that finishes jobs in an order chosen by the test."""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.executors.executor import Executor, WorkerDied
from bench.experiment.driver import ATTEMPTS, Driver, Limits
from bench.experiment.observer import Observer
from bench.experiment.order import OneBatch, Order
from bench.records.jsonl import RecordFile
from bench.records.ledger import Ledger
from bench.records.schema import Record


@dataclass(frozen=True)
class FakeJob:
    name: str
    cost: float = 1.0
    steps: int = 1

    @property
    def label(self) -> str:
        return self.name

    def key(self) -> str:
        return self.name

    def describe(self) -> Record:
        return {"schema": 1, "key": self.name}

    def perform(self, progress: Any) -> Record:
        return {**self.describe(), "status": "ok"}


class ShufflingExecutor(Executor):
    """Finishes running jobs in random order, one each time progress is asked for; some jobs die."""

    def __init__(self, slots: int, seed: int, deaths: dict[str, int] | None = None) -> None:
        self._slots, self.random, self.deaths = slots, random.Random(seed), dict(deaths or {})
        self.waiting: list[tuple[Future[Record], FakeJob]] = []
        self.started: list[str] = []
        self.restarts = 0

    @property
    def slots(self) -> int:
        return self._slots

    def submit(self, job: Any, slot: int) -> Future[Record]:
        future: Future[Record] = Future()
        self.started.append(job.name)
        self.waiting.append((future, job))
        self.random.shuffle(self.waiting)
        if len(self.waiting) == self.slots:
            self.finish_one()
        return future

    def finish_one(self) -> None:
        future, job = self.waiting.pop()
        if self.deaths.get(job.name, 0) > 0:
            self.deaths[job.name] -= 1
            future.set_exception(BrokenProcessPool("killed"))
        else:
            future.set_result(job.perform(None))

    def progress(self, slot: int) -> tuple[int, float]:
        if self.waiting:
            self.finish_one()
        return 0, 0.0

    def restart(self, slot: int) -> None:
        self.restarts += 1

    def close(self) -> None: ...


class Batches:
    """A cell that asks for batches of these sizes and logs the records it receives."""

    def __init__(self, name: str, batches: Sequence[int], log: list[tuple[str, list[str]]]) -> None:
        self.name, self.log = name, log
        self.batches = list(enumerate(batches))

    def next_orders(self) -> list[Order]:
        if not self.batches:
            return []
        number, size = self.batches.pop(0)
        jobs = [FakeJob(f"{self.name}{number}.{i}", cost=float(i)) for i in range(size)]
        return [Order(job, {"stage": "search", "match": self.name, "trial": i}) for i, job in enumerate(jobs)]

    def receive(self, records: Sequence[Record]) -> None:
        self.log.append((self.name, [record["key"] for record in records]))


def drive(tmp_path: Path, executor: ShufflingExecutor, log: list[tuple[str, list[str]]]) -> Ledger:
    ledger = Ledger(RecordFile(tmp_path / "records.jsonl"), {}, "rerun")
    Driver(executor, ledger, Observer()).run(
        [Batches("a", [3, 2], log), Batches("b", [4, 1, 1], log), Batches("c", [], log)]
    )
    return ledger


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(5))
def test_a_cell_gets_its_records_in_the_order_it_asked(tmp_path: Path, slots: int, seed: int) -> None:
    log: list[tuple[str, list[str]]] = []
    ledger = drive(tmp_path, ShufflingExecutor(slots, seed), log)
    by_cell = {name: [keys for cell_name, keys in log if cell_name == name] for name in "ab"}
    assert by_cell == {
        "a": [["a0.0", "a0.1", "a0.2"], ["a1.0", "a1.1"]],
        "b": [["b0.0", "b0.1", "b0.2", "b0.3"], ["b1.0"], ["b2.0"]],
    }
    assert sorted(record["key"] for record in ledger.records) == sorted(k for _, keys in log for k in keys)


def test_long_jobs_start_first(tmp_path: Path) -> None:
    executor = ShufflingExecutor(1, 0)
    drive(tmp_path, executor, [])
    assert executor.started[:3] == ["b0.3", "a0.2", "b0.2"]


def test_a_job_whose_worker_died_is_started_again_and_the_others_are_unharmed(tmp_path: Path) -> None:
    executor = ShufflingExecutor(2, 0, deaths={"a0.1": ATTEMPTS - 1})
    ledger = drive(tmp_path, executor, [])
    assert executor.started.count("a0.1") == ATTEMPTS
    assert executor.restarts == ATTEMPTS - 1
    assert {record["status"] for record in ledger.records} == {"ok"}
    assert len(ledger.records) == 11


def test_a_job_whose_worker_always_dies_is_recorded_as_failed(tmp_path: Path) -> None:
    executor = ShufflingExecutor(2, 0, deaths={"b1.0": 99})
    ledger = drive(tmp_path, executor, [])
    failed = [record for record in ledger.records if record["status"] == "failed"]
    assert [record["key"] for record in failed] == ["b1.0"]
    assert "died 3 times" in failed[0]["error"]
    assert len(ledger.records) == 11


def test_what_is_recorded_is_not_started_again(tmp_path: Path) -> None:
    first: list[tuple[str, list[str]]] = []
    again: list[tuple[str, list[str]]] = []
    drive(tmp_path, ShufflingExecutor(2, 0), first)
    executor = ShufflingExecutor(2, 1)
    ledger = drive(tmp_path, executor, again)
    assert executor.started == []
    assert sorted(first) == sorted(again)
    assert len(ledger.records) == 11


class Troubled(Executor):
    """Every job goes on for ever, or dies, until the test says otherwise."""

    def __init__(self, slots: int = 1) -> None:
        self.count, self.submitted, self.restarted = slots, list[str](), list[int]()
        self.futures: dict[int, Future[Record]] = {}
        self.held_bytes, self.running_seconds, self.for_memory = 0, 0.0, False
        self.death: Exception | None = None
        self.cured = False

    @property
    def slots(self) -> int:
        return self.count

    def submit(self, job: Any, slot: int) -> Future[Record]:
        self.submitted.append(job.name)
        future: Future[Record] = Future()
        if self.death is not None:
            future.set_exception(self.death)
        elif self.cured:
            future.set_result(job.perform(None))
        self.futures[slot] = future
        return future

    def curve(self, slot: int) -> Any:
        return {"step": [0, 5], "valid_loss": [2.0, 1.0]}

    def seconds(self, slot: int) -> float:
        return self.running_seconds

    def resident_bytes(self, slot: int) -> int:
        return self.held_bytes

    def died_for_memory(self, slot: int) -> bool:
        return self.for_memory

    def restart(self, slot: int) -> None:
        self.restarted.append(slot)
        self.cured = True

    def close(self) -> None: ...


def trouble(tmp_path: Path, executor: Executor, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    monkeypatch.setattr("bench.experiment.driver.WATCH_SECONDS", 0.0)
    ledger = Ledger(RecordFile(tmp_path / "records.jsonl"), {}, "rerun")
    Driver(executor, ledger, Observer(), limits).run([Batches("a", [2], [])])
    return sorted(ledger.records, key=lambda record: record["key"])


def test_a_job_that_takes_too_long_is_ended_and_its_curve_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = Troubled()
    executor.running_seconds = 11.0
    other, ended = trouble(tmp_path, executor, Limits(job_seconds=10), monkeypatch)
    assert (ended["status"], ended["error"]) == ("timeout", "ended after 10 s (--timeout)")
    assert ended["curve"] == {"step": [0, 5], "valid_loss": [2.0, 1.0]}
    assert ended["wall_seconds"] == 11.0
    assert other["status"] == "ok"
    assert executor.restarted == [0]


def test_a_job_that_holds_too_much_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = Troubled()
    executor.held_bytes = 3 << 30
    other, ended = trouble(tmp_path, executor, Limits(worker_bytes=2 << 30), monkeypatch)
    assert ended["status"] == "out_of_memory"
    assert "held 3,072 MiB, over its limit of 2,048 MiB" in ended["error"]
    assert other["status"] == "ok"


def test_what_the_kernel_killed_for_memory_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = Troubled()
    executor.death, executor.for_memory = BrokenProcessPool("killed"), True
    found = trouble(tmp_path, executor, Limits(), monkeypatch)
    assert {record["status"] for record in found} == {"out_of_memory"}
    assert len(executor.submitted) == 2


def test_what_a_cluster_has_tried_often_enough_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = Troubled()
    executor.death = WorkerDied("KilledWorker: four workers died")
    executor.death.for_good = True
    found = trouble(tmp_path, executor, Limits(), monkeypatch)
    assert {record["status"] for record in found} == {"failed"}
    assert "four workers died" in found[0]["error"]
    assert len(executor.submitted) == 2


def test_at_the_deadline_nothing_more_is_started(tmp_path: Path) -> None:
    executor, log = Troubled(), list[tuple[str, list[str]]]()
    ledger = Ledger(RecordFile(tmp_path / "records.jsonl"), {}, "rerun")
    driver = Driver(executor, ledger, Observer(), Limits(deadline=time.monotonic() + 0.2))
    driver.run([Batches("a", [3], log)])
    assert driver.out_of_time
    assert len(executor.submitted) == 1
    driver.run([Batches("b", [1], log)])
    assert len(executor.submitted) == 1
    assert ledger.records == []


def test_what_the_parent_does_meanwhile_holds_up_no_first_job_and_is_done_to_its_end(tmp_path: Path) -> None:
    executor, seen = ShufflingExecutor(2, 0), list[int]()

    def pieces() -> Iterator[None]:
        for _ in range(9):  # more than there are rounds of jobs
            seen.append(len(executor.started))
            yield

    ledger = Ledger(RecordFile(tmp_path / "records.jsonl"), {}, "rerun")
    Driver(executor, ledger, Observer()).run([Batches("a", [5], [])], meanwhile=pieces())
    assert seen[0] == 2
    assert len(seen) == 9
    assert len(ledger.records) == 5


def test_what_the_parent_does_meanwhile_is_done_where_there_was_no_time_for_a_job(tmp_path: Path) -> None:
    executor, pieces = ShufflingExecutor(1, 0), iter(range(3))
    ledger = Ledger(RecordFile(tmp_path / "records.jsonl"), {}, "rerun")
    Driver(executor, ledger, Observer(), Limits(deadline=0.0)).run([Batches("a", [2], [])], meanwhile=pieces)
    assert executor.started == list(pieces) == []


def test_slots_that_come_later_are_used(tmp_path: Path) -> None:
    class Growing(Troubled):
        def submit(self, job: Any, slot: int) -> Future[Record]:
            future = super().submit(job, slot)
            self.count = 3
            if len(self.futures) == 3:
                for waiting, held in self.futures.items():
                    held.set_result({**job.describe(), "key": str(waiting), "status": "ok"})
            return future

    executor = Growing()
    ledger = Ledger(RecordFile(tmp_path / "records.jsonl"), {}, "rerun")
    Driver(executor, ledger, Observer()).run([Batches("a", [3], [])])
    assert sorted(executor.futures) == [0, 1, 2]
    assert len(ledger.records) == 3


def test_orders_of_an_earlier_turn_start_first_whatever_they_cost(tmp_path: Path) -> None:
    executor = ShufflingExecutor(1, 0)
    ledger = Ledger(RecordFile(tmp_path / "records.jsonl"), {}, "rerun")
    identity = {"stage": "search", "match": "m", "trial": 0}
    late = OneBatch([Order(FakeJob("late", cost=9.0), identity, turn=2)])
    early = OneBatch([Order(FakeJob(name, cost), identity, turn=1) for name, cost in (("short", 1.0), ("long", 2.0))])
    Driver(executor, ledger, Observer()).run([late, early])
    assert executor.started == ["long", "short", "late"]
    assert [record["key"] for record in early.records] == ["short", "long"]


def test_a_deadline_that_comes_after_the_end_leaves_nothing_out(tmp_path: Path) -> None:
    ledger = Ledger(RecordFile(tmp_path / "records.jsonl"), {}, "rerun")
    driver = Driver(ShufflingExecutor(1, 0), ledger, Observer(), Limits(deadline=time.monotonic() + 1000))
    driver.run([Batches("a", [2], [])])
    driver.limits = Limits(deadline=0.0)
    driver.run([])
    assert not driver.out_of_time
