"""What happens between two jobs of a worker, in which order: it has its next one before the last is on the disk."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.executors.executor import Executor
from bench.experiment.driver import Driver
from bench.experiment.observer import Observer
from bench.experiment.order import OneBatch, Order
from bench.records.jsonl import RecordFile
from bench.records.ledger import Ledger
from bench.records.schema import Record


@dataclass(frozen=True)
class Named:
    label: str
    steps: int = 1
    cost: float = 1.0

    def key(self) -> str:
        return self.label

    def describe(self) -> Record:
        return {"schema": 1, "key": self.label}


class Telling(Executor):
    """One slot whose jobs end at once, or (`submit_waits`) within `submit`, which tells of an evaluation."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    slots = 1

    def submit(self, job: Any, slot: int) -> Future[Record]:
        self.tell(f"submit {job.label}")
        future: Future[Record] = Future()
        if self.submit_waits and self.on_evaluation is not None:
            self.on_evaluation(slot)
        future.set_result({**job.describe(), "status": "ok"})
        return future

    def restart(self, slot: int) -> None: ...
    def close(self) -> None: ...


class Inline(Telling):
    submit_waits = True


class Listening(Observer):
    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def started(self, slot: int, label: str, steps: int) -> None:
        self.tell(f"started {label}")

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        self.tell(f"finished {record['key']}")


class Writing(RecordFile):
    """Tells what it writes."""

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        super().__init__(path)
        self.tell = tell

    def append(self, *records: Any) -> Any:
        self.tell(f"write {' '.join(record['key'] for record in records)}")
        return super().append(*records)


def asking(*names: str) -> OneBatch:
    return OneBatch([Order(Named(name), {"stage": "trial", "match": None, "trial": n}) for n, name in enumerate(names)])


def events(tmp_path: Path, executor: Callable[[Callable[[str], None]], Executor]) -> list[str]:
    told: list[str] = []
    ledger = Ledger(Writing(tmp_path / "records.jsonl", told.append), {}, "rerun")
    Driver(executor(told.append), ledger, Listening(told.append)).run([asking("a", "b")])
    return told


def test_a_worker_has_its_next_job_before_its_last_is_written(tmp_path: Path) -> None:
    told = events(tmp_path, Telling)
    assert told == [
        "submit a",
        "started a",
        "submit b",
        "write a",
        "finished a",
        "started b",
        "write b",
        "finished b",
    ]


def test_a_job_in_the_driver_s_own_thread_waits_until_the_last_is_written(tmp_path: Path) -> None:
    told = events(tmp_path, Inline)
    once = ["submit {}", "started {}", "write {}", "finished {}"]
    assert told == [line.format(name) for name in "ab" for line in once]
