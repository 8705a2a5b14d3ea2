"""Jobs of a benchmark, done by worker processes as those of a run are."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from bench.execution.processes import ProcessExecutor
from bench.jobs import Job
from bench.records import Record

WORKERS = 2


def perform(jobs: Sequence[Job]) -> list[Record]:
    """The records of jobs, done by worker processes as the sweep's are, as many at a time."""
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
