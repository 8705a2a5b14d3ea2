"""Trainings on GPUs in cohorts, a process each, beside the worker processes for what runs on the CPU."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from bench.executors.board import SLOT, Board
from bench.executors.cohort.process import CohortProcess, Running
from bench.executors.cohort.size import FIRST, LARGEST
from bench.executors.executor import Curve, Evaluation, Executor, WorkerDied
from bench.records.schema import Record
from bench.training.jobs import Job
from tasks.errors import UserError

OTHERS, COHORTS = "others", "cohorts"  # the two lanes
DROP_SECONDS = 10.0  # a training that does not let go in this time is ended with its process
DEATHS = 3  # of a cohort's process, none of which has ended a job: then its GPU is given up


class Stalls:
    """How long turns have lasted that lasted from one look to the next, by whose they were."""

    def __init__(self) -> None:
        self._seconds: defaultdict[int, float] = defaultdict(float)
        self._last = (0, 0, 0.0)

    def look(self, serial: int, count: int) -> None:
        """serial: whose turn it is (0: nobody's); count: how many turns there have been."""
        now = time.monotonic()
        if serial and self._last[:2] == (serial, count):
            self._seconds[serial] += now - self._last[2]
        self._last = (serial, count, now)

    def by_others(self, serial: int) -> float:
        """Seconds that a job has been kept from going on."""
        return sum(seconds for whose, seconds in self._seconds.items() if whose != serial)


class CohortExecutor(Executor):
    """The slots of another executor, for jobs on the CPU, and after them those of a cohort on each GPU.

    gpus: as CUDA_VISIBLE_DEVICES names them (None: a cohort on the CPU, as tests have it). size: trainings at once on
    each; None: found out. note: told what a person should read. takes: which jobs are a cohort's. It closes the other
    executor with itself.

    Where a cohort's process dies, the training whose turn it was is to blame and gets WorkerDied; the others are given
    to a new process. Where nobody is to blame for certain (a fault of the GPU shows later), each of them is trained
    alone next. A GPU that can't be used at all ends the run with UserError: what was recorded is kept.
    """

    def __init__(
        self,
        others: Executor,
        gpus: Sequence[str | None],
        plugins: Sequence[str] = (),
        size: int | None = None,
        note: Callable[[str], None] = lambda text: None,
        takes: Callable[[Job], bool] = lambda job: job.device == "cuda",
    ) -> None:
        self._others, self._first = others, others.slots
        self._gpus, self._plugins, self._size, self._note = tuple(gpus), tuple(plugins), size, note
        self._takes = takes
        self._notes: list[str] = []
        context = multiprocessing.get_context("spawn")
        most = (size or LARGEST) * len(self._gpus)
        self._doubles, self._turns = context.RawArray("d", SLOT * most), context.RawArray("q", 2 * len(self._gpus))
        self._stalls = [Stalls() for _ in self._gpus]
        self._board = Board(self._doubles)
        self._sizes = [size or FIRST] * len(self._gpus)
        self._owners: list[int] = []  # of each slot, in the order in which they were added: its cohort
        self._serials = itertools.count(1)
        self._slots: dict[int, Running] = {}
        self._began: dict[int, tuple[int, float, float]] = {}  # serial, when, stalled till then by others
        self._deaths = [0] * len(self._gpus)
        self._closed = False
        self._processes = [self._start(number) for number in range(len(self._gpus))]
        self._add_slots()

    @property
    def slots(self) -> int:
        self._tend()
        self._add_slots()
        return self._first + len(self._owners)

    def lane(self, job: Job) -> str:
        return COHORTS if self._takes(job) else OTHERS

    def lane_of(self, slot: int) -> str:
        return OTHERS if slot < self._first else COHORTS

    def submit(self, job: Job, slot: int) -> Future[Record]:
        if slot < self._first:
            return self._others.submit(job, slot)
        mine = slot - self._first
        running = Running(next(self._serials), mine, job, Future())
        self._board.clear(mine)
        self._slots[mine] = running
        self._processes[self._owners[mine]].give(running)
        return running.future

    def progress(self, slot: int) -> tuple[int, float]:
        if slot < self._first:
            return self._others.progress(slot)
        return self._board.last(slot - self._first)

    def curve(self, slot: int) -> Curve | None:
        return self._others.curve(slot) if slot < self._first else self._board.curve(slot - self._first)

    def evaluations(self, slot: int, since: int = 0) -> list[Evaluation]:
        if slot < self._first:
            return self._others.evaluations(slot, since)
        return self._board.evaluations(slot - self._first, since)

    def seconds(self, slot: int) -> float:
        """Since the training joined its cohort, less what others held it up by turns that would not end.

        It shares the GPU, so this is more than it would take alone.
        """
        if slot < self._first:
            return self._others.seconds(slot)
        mine = slot - self._first
        serial = self._slots[mine].serial
        if not self._board.has_begun(mine, serial):
            return 0.0
        stalled = self._stalls[self._owners[mine]].by_others(serial)
        if mine not in self._began or self._began[mine][0] != serial:
            self._began[mine] = (serial, time.monotonic(), stalled)
        _, began, before = self._began[mine]
        return time.monotonic() - began - (stalled - before)

    def resident_bytes(self, slot: int) -> int:
        return self._others.resident_bytes(slot) if slot < self._first else 0

    def died_for_memory(self, slot: int) -> bool:
        return slot < self._first and self._others.died_for_memory(slot)

    def how_it_died(self, slot: int) -> str:
        return self._others.how_it_died(slot) if slot < self._first else super().how_it_died(slot)

    def restart(self, slot: int) -> None:
        if slot < self._first:
            self._others.restart(slot)
            return
        process = self._processes[self._owners[slot - self._first]]
        serial = self._slots[slot - self._first].serial
        if serial in process.running and not process.drop(serial, DROP_SECONDS):
            process.end()  # the others are given to a new one
            self._turns[2 * process.number] = serial

    def close(self) -> None:
        self._closed = True
        for process in self._processes:
            process.end()
        self._others.close()

    def _start(self, number: int) -> CohortProcess:
        self._turns[2 * number] = 0
        return CohortProcess(
            number,
            self._gpus[number],
            self._plugins,
            self._size,
            self._doubles,
            self._turns,
            self._notes.append,
            self._grow,
        )

    def _add_slots(self) -> None:
        for number, size in enumerate(self._sizes):
            self._owners += [number] * (size - self._owners.count(number))

    def _grow(self, number: int, size: int) -> None:
        self._sizes[number] = max(self._sizes[number], size)

    def _tend(self) -> None:
        """Pass on what cohorts said, and put a new process where one has died."""
        while self._notes:
            self._note(self._notes.pop(0))
        for number, process in enumerate(self._processes):
            self._stalls[number].look(self._turns[2 * number], self._turns[2 * number + 1])
            if process.ended and not self._closed:
                self._replace(number, process)

    def _replace(self, number: int, dead: CohortProcess) -> None:
        dead.end()
        why, blamed = dead.lost or "its process died", self._turns[2 * number]
        left = sorted(dead.running.values(), key=lambda running: running.serial)
        if not blamed and len(left) == 1:
            blamed = left[0].serial
        self._deaths[number] = 0 if dead.served or blamed else self._deaths[number] + 1
        if dead.gone or self._deaths[number] >= DEATHS:
            raise UserError(
                f"GPU {self._gpus[number] or number} can't be used any more ({dead.gone or why}): what was recorded is "
                "whole; see that its driver is well (nvidia-smi), then run the same command again"
            )
        self._processes[number] = fresh = self._start(number)
        for running in left:
            if running.serial == blamed:
                running.future.set_exception(WorkerDied(why))
            else:
                self._board.clear(running.slot)
                self._began.pop(running.slot, None)
                fresh.give(replace(running, alone=running.alone or not blamed))
