"""Trainings on GPUs in cohorts, a process each, beside the worker processes for what runs on the CPU."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from bench.executors.cohort.process import CohortProcess, RunningJob
from bench.executors.cohort.size import FIRST, LARGEST
from bench.executors.executor import Curve, Evaluation, Executor, WorkerDied
from bench.executors.shared_progress import SLOT, SharedProgress
from bench.records.schema import Record
from bench.training.jobs import Job
from tasks.errors import UserError

OTHERS, COHORTS = "others", "cohorts"  # the two lanes
DROP_SECONDS = 10.0  # a training that does not let go in this time is ended with its process
SUSPECTS = 8  # trained together, where one of more than these has made a process lose its device
DEATHS = 3  # of a cohort's process, none of which has ended a job: then its GPU is given up


class LongTurns:
    """Adds up the time for which each training held its cohort up, by turns that lasted from one look to the next."""

    def __init__(self) -> None:
        self._seconds: defaultdict[int, float] = defaultdict(float)
        self._last = (0, 0, 0.0)

    def look(self, serial: int, count: int) -> None:
        """Note whose turn it is (serial; 0: nobody's) and how many turns there have been (count)."""
        now = time.monotonic()
        if serial and self._last[:2] == (serial, count):
            self._seconds[serial] += now - self._last[2]
        self._last = (serial, count, now)

    def by_others(self, serial: int) -> float:
        """Seconds for which the long turns of other trainings kept this one waiting."""
        return sum(seconds for whose, seconds in self._seconds.items() if whose != serial)


class _OnOneGpu:
    """A cohort on one GPU: its process, and the memory that it shares with this one."""

    def __init__(self, gpu: str | None, size: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.gpu = gpu
        self.doubles = context.RawArray("d", SLOT * (size or LARGEST))
        self.turns = context.RawArray("q", 2)  # whose turn it is, and how many there have been
        self.progress, self.long_turns = SharedProgress(self.doubles), LongTurns()
        self.size = size or FIRST
        self.deaths = 0  # of processes in a row that ended no job
        self.process: CohortProcess


class CohortExecutor(Executor):
    """The slots of another executor, for jobs on the CPU, and after them those of a cohort on each GPU.

    gpus: as CUDA_VISIBLE_DEVICES names them (None: a cohort on the CPU, as tests have it; `FIRST_GPU`: where nobody has
    looked yet, `use` tells later). size: trainings at once on each; None: found out. note: told what a person should
    read. takes: which jobs are a cohort's. It closes the other executor with itself.

    Where a cohort's process dies, the training whose turn it was is to blame and gets WorkerDied; the others are given
    to a new process. Where nobody is to blame for certain (a fault of the GPU shows later), those that had begun are
    trained in groups of `SUSPECTS` next; where that happens to such a group, each of it is trained alone. A GPU that
    can't be used at all ends the run with UserError: what was recorded is kept.
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
        self._plugins, self._size, self.note, self._takes = tuple(plugins), size, note, takes
        self._notes: list[str] = []
        self._slots: list[tuple[_OnOneGpu, int]] = []  # the cohort of each, and its number there
        self._serials = itertools.count(1)
        self._running: dict[int, RunningJob] = {}
        self._began: dict[int, tuple[int, float, float]] = {}  # serial, when, held up till then by others
        self._closed = False
        self._cohorts: list[_OnOneGpu] = []
        self._add_cohorts(gpus)

    def use(self, gpus: Sequence[str]) -> None:
        """Use these GPUs, the first of which has a cohort already."""
        self._cohorts[0].gpu = gpus[0]
        self._add_cohorts(gpus[1:])

    @property
    def slots(self) -> int:
        self._tend()
        self._add_slots()
        return self._first + len(self._slots)

    @property
    def workers(self) -> int:
        return self._first

    @property
    def looking_slot(self) -> int:
        return self._first

    def lane(self, job: Job) -> str:
        return COHORTS if self._takes(job) else OTHERS

    def lane_of(self, slot: int) -> str:
        return OTHERS if slot < self._first else COHORTS

    def submit(self, job: Job, slot: int) -> Future[Record]:
        if slot < self._first:
            return self._others.submit(job, slot)
        cohort, number = self._slots[slot - self._first]
        running = RunningJob(next(self._serials), number, job, Future())
        cohort.progress.clear(number)
        self._running[slot] = running
        cohort.process.give(running)
        return running.future

    def progress(self, slot: int) -> tuple[int, float]:
        if slot < self._first:
            return self._others.progress(slot)
        cohort, number = self._slots[slot - self._first]
        return cohort.progress.last(number)

    def curve(self, slot: int) -> Curve | None:
        if slot < self._first:
            return self._others.curve(slot)
        cohort, number = self._slots[slot - self._first]
        return cohort.progress.curve(number)

    def evaluations(self, slot: int, since: int = 0) -> list[Evaluation]:
        if slot < self._first:
            return self._others.evaluations(slot, since)
        cohort, number = self._slots[slot - self._first]
        return cohort.progress.evaluations(number, since)

    def seconds(self, slot: int) -> float:
        """Since the training joined its cohort, less what others held it up by turns that would not end.

        It shares the GPU, so this is more than it would take alone.
        """
        if slot < self._first:
            return self._others.seconds(slot)
        cohort, number = self._slots[slot - self._first]
        serial = self._running[slot].serial
        if not cohort.progress.has_begun(number, serial):
            return 0.0
        held_up = cohort.long_turns.by_others(serial)
        if slot not in self._began or self._began[slot][0] != serial:
            self._began[slot] = (serial, time.monotonic(), held_up)
        _, began, before = self._began[slot]
        return time.monotonic() - began - (held_up - before)

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
        cohort, _ = self._slots[slot - self._first]
        serial = self._running[slot].serial
        if serial in cohort.process.running and not cohort.process.drop(serial, DROP_SECONDS):
            cohort.process.end()  # the others are given to a new one
            cohort.turns[0] = serial

    def close(self) -> None:
        self._closed = True
        for cohort in self._cohorts:
            cohort.process.end()
        self._others.close()

    def _add_cohorts(self, gpus: Sequence[str | None]) -> None:
        for gpu in gpus:
            cohort = _OnOneGpu(gpu, self._size)
            self._start(cohort)
            self._cohorts.append(cohort)
        self._add_slots()

    def _start(self, cohort: _OnOneGpu) -> None:
        cohort.turns[0] = 0

        def grow(size: int) -> None:
            cohort.size = max(cohort.size, size)

        shared = (cohort.doubles, cohort.turns)
        cohort.process = CohortProcess(cohort.gpu, self._plugins, self._size, *shared, self._notes.append, grow)

    def _add_slots(self) -> None:
        for cohort in self._cohorts:
            there = sum(owner is cohort for owner, _ in self._slots)
            self._slots += [(cohort, number) for number in range(there, cohort.size)]

    def _tend(self) -> None:
        """Pass on what cohorts said, and put a new process where one has died."""
        while self._notes:
            self.note(self._notes.pop(0))
        for cohort in self._cohorts:
            cohort.long_turns.look(*cohort.turns)
            if cohort.process.ended and not self._closed:
                self._replace(cohort)

    def _replace(self, cohort: _OnOneGpu) -> None:
        dead = cohort.process
        dead.end()
        why, blamed = dead.lost or "its process died", cohort.turns[0]
        left = sorted(dead.running.values(), key=lambda running: running.serial)
        suspects = {running.serial for running in left if cohort.progress.has_begun(running.slot, running.serial)}
        if not blamed and len(suspects) == 1:
            (blamed,) = suspects
        cohort.deaths = 0 if dead.served or blamed else cohort.deaths + 1
        if dead.gone or cohort.deaths >= DEATHS:
            raise UserError(
                f"GPU {cohort.gpu or '0'} can't be used any more ({dead.gone or why}): what was recorded is whole; see "
                "that its driver is well (nvidia-smi), then run the same command again"
            )
        company = SUSPECTS if len(suspects) > SUSPECTS else 1
        self._start(cohort)
        for running in left:
            if running.serial == blamed:
                running.future.set_exception(WorkerDied(why))
            else:
                cohort.progress.clear(running.slot)
                suspected = not blamed and running.serial in suspects
                cohort.process.give(replace(running, company=company) if suspected else running)
