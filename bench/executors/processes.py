"""Local worker processes, one pool of one process for each slot.

A killed worker breaks its whole `ProcessPoolExecutor`; with a pool a slot that is exactly the training that it was
doing: the cause is certain, the others are unharmed, and the slot gets a new process.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess

from bench.executors import worker
from bench.executors.executor import Curve, Evaluation, Executor
from bench.executors.shared_progress import SLOT, SharedProgress
from bench.measure import machine_memory
from bench.records.schema import Record
from bench.training.jobs import Job

START_SECONDS = 120.0  # of a worker: what it takes beyond that counts as time of its job, which may then be ended
END_SECONDS = 2.0  # a killed process is gone at once, unless the kernel is busy writing for it


class ProcessExecutor(Executor):
    """`slots` worker processes on this machine (spawned, one thread each)."""

    def __init__(
        self, slots: int, plugins: Sequence[str] = (), *, uses_torch: bool = True, at_first_job: bool = False
    ) -> None:
        """uses_torch: workers load it before their first job. at_first_job: a worker starts with its slot's first."""
        self._slots = slots
        self._plugins, self._uses_torch = tuple(plugins), uses_torch
        self._context = multiprocessing.get_context("spawn")
        self._doubles = self._context.RawArray("d", SLOT * slots)
        self._progress = SharedProgress(self._doubles)
        self._serials = [0] * slots
        self._began: dict[int, float] = {}
        self._submitted: dict[int, float] = {}
        self._kernel_kills = machine_memory.kernel_kills()
        self._pools: list[ProcessPoolExecutor | None] = [None] * slots
        self._last: dict[int, BaseProcess] = {}
        try:
            for slot in range(0 if at_first_job else slots):
                self._pools[slot] = self._start()
                self._remember(slot)
        except BaseException:  # no more processes or files: those that were begun must not stay
            self.close()
            raise

    @property
    def slots(self) -> int:
        return self._slots

    def submit(self, job: Job, slot: int) -> Future[Record]:
        self._progress.clear(slot)
        self._began.pop(slot, None)
        self._submitted[slot] = time.monotonic()
        self._serials[slot] += 1
        try:
            return self._pool(slot).submit(worker.perform, job, slot, self._serials[slot])
        except BrokenProcessPool:  # killed while it had nothing to do
            self.restart(slot)
            return self._pool(slot).submit(worker.perform, job, slot, self._serials[slot])

    def progress(self, slot: int) -> tuple[int, float]:
        return self._progress.last(slot)

    def curve(self, slot: int) -> Curve | None:
        return self._progress.curve(slot)

    def evaluations(self, slot: int, since: int = 0) -> list[Evaluation]:
        return self._progress.evaluations(slot, since)

    def seconds(self, slot: int) -> float:
        if slot not in self._began:
            if not self._progress.has_begun(slot, self._serials[slot]):
                return max(time.monotonic() - self._submitted.get(slot, math.inf) - START_SECONDS, 0.0)
            self._began[slot] = time.monotonic()
        return time.monotonic() - self._began[slot]

    def resident_bytes(self, slot: int) -> int:
        process = self._process(slot)
        return 0 if process is None or process.pid is None else machine_memory.resident_bytes(process.pid)

    def died_for_memory(self, slot: int) -> bool:
        before, self._kernel_kills = self._kernel_kills, machine_memory.kernel_kills()
        return self._kernel_kills > before

    def how_it_died(self, slot: int) -> str:
        code = _exit_code(self._process(slot) or self._last.get(slot))
        if code is None:
            return super().how_it_died(slot)
        if code < 0:
            return f"ended by {signal.Signals(-code).name}" if -code in list(signal.Signals) else f"signal {-code}"
        return f"it left by itself with exit code {code}: os._exit, or a library that ends its process"

    def restart(self, slot: int) -> None:
        self._end(slot)
        self._pools[slot] = self._start()
        self._remember(slot)

    def _remember(self, slot: int) -> None:
        """Keep hold of a slot's process: its pool forgets it when it dies, and how it died with it."""
        process = self._process(slot)
        if process is not None:
            self._last[slot] = process

    def close(self) -> None:
        for slot in range(len(self._pools)):
            self._end(slot)

    def _start(self) -> ProcessPoolExecutor:
        arguments = (self._doubles, os.getpid(), self._plugins, self._uses_torch)
        pool = ProcessPoolExecutor(1, mp_context=self._context, initializer=worker.start, initargs=arguments)
        with worker.worker_environment():  # the process is spawned by its first job
            pool.submit(worker.process_id)
        return pool

    def _pool(self, slot: int) -> ProcessPoolExecutor:
        pool = self._pools[slot]
        if pool is None:
            pool = self._pools[slot] = self._start()
        return pool

    def _end(self, slot: int) -> None:
        pool = self._pools[slot]
        if pool is None:
            return
        process = self._process(slot)
        pool.shutdown(wait=False, cancel_futures=True)
        if process is not None:
            with contextlib.suppress(ValueError):  # closed already: its pool noticed that it died
                process.kill()
                process.join(END_SECONDS)

    def _process(self, slot: int) -> BaseProcess | None:
        """The slot's worker; None before it starts, and where its pool has cleared it away after it died."""
        pool = self._pools[slot]
        return None if pool is None else next(iter((pool._processes or {}).values()), None)


def _exit_code(process: BaseProcess | None) -> int | None:
    """The exit code of a process that ends; None where it can't be known.

    Its pool waits for it in another thread. Where that thread has been told of the end and has not noted it yet,
    `join` returns at once and the code is still missing: it is asked for again, until the pool has noted it.
    """
    until = time.monotonic() + END_SECONDS
    try:
        while process is not None and time.monotonic() < until:
            process.join(END_SECONDS)
            if process.exitcode is not None:
                return process.exitcode
            time.sleep(0.001)  # lets the other thread go on
    except (ValueError, AssertionError):  # closed already, with all that was known of it
        pass
    return None
