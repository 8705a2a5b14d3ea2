"""Runs many cells of an experiment side by side on one executor.

A cell asks for a batch of jobs and gets all their records back, in the order it asked, before it asks for more. So each
search is batch-synchronous (the same trials whatever order workers finish in) while the batches of other cells fill the
workers: there is no barrier between stages, and only the very end of the experiment can leave a worker idle.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from bench.executors.executor import Executor, WorkerDied
from bench.experiment.observer import Observer
from bench.experiment.order import Cell, Order
from bench.experiment.time_limit import OutOfTime, until
from bench.records.ledger import Ledger
from bench.records.schema import Record
from bench.training.jobs import Job, failure

ATTEMPTS = 3  # a job whose worker died is started again at most this often in all
POLL_SECONDS = 0.1
AHEAD = 50  # orders in the queue for each slot, before more cells begin: enough to start the costliest first
WATCH_SECONDS = 0.25  # between two looks at the time and the memory that workers take
GRACE_SECONDS = 10.0  # for the parent's own work where the deadline comes before it is done: a report needs it
MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What a run may take. None: no limit.

    job_seconds: of one job, then it is ended and recorded as `timeout`. deadline: on `time.monotonic`, when everything
    ends. worker_bytes: resident memory of one worker, then its job is ended and recorded as `out_of_memory`.
    """

    job_seconds: float | None = None
    deadline: float | None = None
    worker_bytes: int | None = None


@dataclass
class _Batch:
    """What a cell waits for."""

    cell: Cell
    records: list[Record | None]

    def done(self) -> bool:
        return all(record is not None for record in self.records)

    def found(self) -> list[Record]:
        return [record for record in self.records if record is not None]


@dataclass(order=True)
class _Pending:
    """An order in the queue: by turn, then the costliest first, then the earliest asked."""

    rank: tuple[int, float, int]
    order: Order = field(compare=False)
    batch: _Batch = field(compare=False)
    position: int = field(compare=False)
    attempts: int = field(default=0, compare=False)


class Driver:
    """Feeds an executor from cells and a ledger from its results. `out_of_time`: the deadline came before some end."""

    def __init__(self, executor: Executor, ledger: Ledger, observer: Observer, limits: Limits | None = None) -> None:
        self.executor, self.ledger, self.observer = executor, ledger, observer
        self.limits = limits or Limits()
        self.out_of_time = False
        self._queues: defaultdict[str, list[_Pending]] = defaultdict(list)  # by lane
        self._running: dict[Future[Record], tuple[int, _Pending]] = {}
        self._free: defaultdict[str, list[int]] = defaultdict(list)  # slots, by lane
        self._known_slots = 0
        self._evaluations: dict[int, int] = {}  # by slot: how many of its training the observer knows
        self._jobs: dict[int, Job] = {}
        self._untold: set[int] = set()  # slots of whose job the observer does not know yet
        executor.on_evaluation = self._look
        self._numbers = itertools.count()
        self._watched = time.monotonic()

    def run(self, cells: Iterable[Cell], meanwhile: Iterable[object] = ()) -> None:
        """Run every cell to its end, or until the deadline; what then runs is left to the executor's close.

        meanwhile: work for this process, in small pieces, done to its end while workers are at theirs.
        """
        pieces, waiting = iter(meanwhile), deque(cells)
        while waiting or any(self._queues.values()) or self._running:
            if self._late:
                self.out_of_time = True
                break
            while waiting and self._has_room():
                self._advance(waiting.popleft())
            self._fill_slots()
            done = self._do_piece(pieces, self.limits.deadline)
            self._collect(POLL_SECONDS if done else 0.0)
        last = time.monotonic() + GRACE_SECONDS if self.limits.deadline is not None else None
        while not self._do_piece(pieces, last):
            pass

    def _do_piece(self, pieces: Iterator[object], deadline: float | None) -> bool:
        """Do one piece of work, unless the deadline comes first; whether none is left to be done now."""
        try:
            with until(deadline):
                return not _do_one(pieces)
        except OutOfTime:
            return True

    def _has_room(self) -> bool:
        """Whether the queue is so short that another cell should begin, or a kind of slot has nothing to do."""
        queued = sum(map(len, self._queues.values()))
        return queued < AHEAD * self.executor.slots or any(
            free and not self._queues[lane] for lane, free in self._free.items()
        )

    @property
    def _late(self) -> bool:
        return self.limits.deadline is not None and time.monotonic() >= self.limits.deadline

    def _advance(self, cell: Cell) -> None:
        """Let a cell go on until it asks for something that is not recorded yet, or ends."""
        while orders := cell.next_orders():
            batch = _Batch(cell, [self._find(order) for order in orders])
            for position, order in enumerate(orders):
                if batch.records[position] is None:
                    rank = (order.turn, -order.job.cost, next(self._numbers))
                    self._put(_Pending(rank, order, batch, position))
            if not batch.done():
                return
            cell.receive(batch.found())

    def _find(self, order: Order) -> Record | None:
        record = self.ledger.find(order.job.key(), order.identity, order.leaves)
        if record is not None:
            self.observer.finished(None, record, reused=True)
        return record

    def _fill_slots(self) -> None:
        for slot in range(self._known_slots, self.executor.slots):
            self._free[self.executor.lane_of(slot)].insert(0, slot)
            self._known_slots += 1
        for lane, queue in self._queues.items():
            free = self._free[lane]
            while free and queue:
                slot, pending = free.pop(), heapq.heappop(queue)
                pending.attempts += 1
                self._jobs[slot], self._evaluations[slot] = pending.order.job, 0
                self._untold.add(slot)
                self._running[self.executor.submit(pending.order.job, slot)] = (slot, pending)

    def _put(self, pending: _Pending) -> None:
        heapq.heappush(self._queues[self.executor.lane(pending.order.job)], pending)

    def _release(self, slot: int) -> None:
        self._free[self.executor.lane_of(slot)].append(slot)

    def _look(self, slot: int) -> None:
        """Tell how far the job in a slot is, and at first that it has begun."""
        if slot in self._untold:
            self._untold.remove(slot)
            self.observer.started(slot, self._jobs[slot].label, self._jobs[slot].steps)
        self.observer.progress(slot, *self.executor.progress(slot))
        if self.observer.follows:
            for evaluation in self.executor.evaluations(slot, self._evaluations[slot]):
                self._evaluations[slot] += 1
                self.observer.evaluated(slot, evaluation, self._jobs[slot].epoch_steps)

    def _collect(self, patience: float) -> None:
        """Take what has ended, record it with one write, and let the cells go on that waited for it.

        patience: seconds to wait for anything to end.
        """
        done, _ = wait(self._running, timeout=patience, return_when=FIRST_COMPLETED)
        ended: list[tuple[int, _Pending, Record]] = []
        for slot, _ in self._running.values():
            self._look(slot)
        for future in done:
            slot, pending = self._running.pop(future)
            record = self._result(future, slot, pending)
            self._release(slot)
            if record is None:
                self._put(pending)
            else:
                ended.append((slot, pending, record))
        ended += self._watch()
        if not ended:
            return
        if not self.executor.submit_waits:
            self._fill_slots()  # no worker needs to wait for the disk
        written = self.ledger.add_all([(record, pending.order.identity) for _, pending, record in ended])
        for (slot, pending, _), record in zip(ended, written, strict=True):
            self.observer.finished(slot, record, reused=False)
            pending.batch.records[pending.position] = record
            if pending.batch.done():
                pending.batch.cell.receive(pending.batch.found())
                self._advance(pending.batch.cell)

    def _result(self, future: Future[Record], slot: int, pending: _Pending) -> Record | None:
        """The record of a finished job; None: its worker died and it is to be started again."""
        try:
            return future.result()
        except (BrokenProcessPool, WorkerDied) as death:
            job, known = pending.order.job, self._so_far(slot)
            for_memory, how = self.executor.died_for_memory(slot), self.executor.how_it_died(slot)
            self.executor.restart(slot)
            if for_memory:
                return failure(
                    job, "out_of_memory", "the kernel killed its worker: the machine's memory was full", **known
                )
            if pending.attempts < ATTEMPTS and not getattr(death, "for_good", False):
                return None
            why = str(death) if isinstance(death, WorkerDied) else how
            return failure(job, "failed", f"its worker process died {ATTEMPTS} times ({why})", **known)

    def _watch(self) -> list[tuple[int, _Pending, Record]]:
        """End the jobs that take too long or too much, and say what they reached."""
        if time.monotonic() - self._watched < WATCH_SECONDS:
            return []
        self._watched = time.monotonic()
        ended = []
        for future, (slot, pending) in list(self._running.items()):
            verdict = self._beyond_limits(slot)
            if verdict is None or future.done():
                continue
            record = failure(pending.order.job, *verdict, **self._so_far(slot))
            del self._running[future]
            self.executor.restart(slot)
            self._release(slot)
            ended.append((slot, pending, record))
        return ended

    def _beyond_limits(self, slot: int) -> tuple[str, str] | None:
        """Status and reason, where the job in a slot must end."""
        limits = self.limits
        used = self.executor.resident_bytes(slot) if limits.worker_bytes is not None else 0
        if limits.worker_bytes is not None and used > limits.worker_bytes:
            sizes = f"{used // MIB:,} MiB, over its limit of {limits.worker_bytes // MIB:,} MiB"
            return "out_of_memory", f"its worker held {sizes} (--memory sets it)"
        if limits.job_seconds is not None and self.executor.seconds(slot) > limits.job_seconds:
            return "timeout", f"ended after {limits.job_seconds:g} s (--timeout)"
        return None

    def _so_far(self, slot: int) -> dict[str, Any]:
        """What is known of a job that did not end by itself."""
        curve = self.executor.curve(slot)
        return {
            "curve": curve if curve and curve["step"] else None,
            "wall_seconds": self.executor.seconds(slot) or None,
        }


def _do_one(pieces: Iterator[object]) -> bool:
    """Do the next piece of work; whether there was one."""
    for _ in pieces:
        return True
    return False
