"""Jobs on all workers at once, outside an experiment: nothing is recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool

from bench.executors.executor import Executor, WorkerDied
from bench.records.schema import Record
from bench.training.jobs import Job, failure

ATTEMPTS = 3  # of a job whose worker died


def perform_side_by_side(jobs: Sequence[Job], executor: Executor) -> list[Record]:
    """The records of the jobs, in their order. A job that ended its worker `ATTEMPTS` times is recorded as failed."""
    waiting = deque((place, 1) for place in range(len(jobs)))
    records: dict[int, Record] = {}
    running: dict[Future[Record], tuple[int, int, int]] = {}  # slot, place, attempt
    free = list(range(executor.slots))
    while waiting or running:
        while free and waiting:
            slot, (place, attempt) = free.pop(), waiting.popleft()
            running[executor.submit(jobs[place], slot)] = slot, place, attempt
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            slot, place, attempt = running.pop(future)
            try:
                records[place] = future.result()
            except (BrokenProcessPool, WorkerDied) as death:
                executor.restart(slot)
                if attempt < ATTEMPTS and not getattr(death, "for_good", False):
                    waiting.append((place, attempt + 1))
                else:
                    why = f"its worker process died {attempt} times"
                    records[place] = failure(jobs[place], "failed", why)
            free.append(slot)
    return [records[place] for place in range(len(jobs))]
