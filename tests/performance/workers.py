"""Jobs of a benchmark, which run in worker processes as the jobs of an experiment do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import ClassVar

from bench.executors.processes import ProcessExecutor
from bench.records.schema import Record
from bench.training.jobs import Job
from bench.training.request import Training
from bench.training.train import Progress

WORKERS = 2


@dataclass(frozen=True)
class Measurement(Job):
    """A job of a benchmark. Its record is the return value of `perform`, and is not written anywhere."""

    training: Training

    label: ClassVar[str] = "a measurement"
    steps: ClassVar[int] = 1
    device: ClassVar[str] = "cpu"

    def key(self) -> str:
        return self.label

    def describe(self) -> Record:
        return {}

    @abstractmethod
    def perform(self, progress: Progress) -> Record: ...


def perform(jobs: Sequence[Job]) -> list[Record]:
    """Run jobs in as many worker processes as the sweep has, and return their records."""
    executor, found = ProcessExecutor(WORKERS), dict[int, Record]()
    waiting, free = list(enumerate(jobs)), list(range(WORKERS))
    running: dict[Future[Record], tuple[int, int]] = {}
    try:
        while waiting or running:
            while waiting and free:
                (position, job), slot = waiting.pop(0), free.pop()
                running[executor.submit(job, slot)] = (position, slot)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                position, slot = running.pop(future)
                found[position] = future.result()
                free.append(slot)
                if found[position].get("error"):
                    raise SystemExit(f"a measurement failed: {found[position]['traceback']}")
    finally:
        executor.close()
    return [found[position] for position in range(len(jobs))]
