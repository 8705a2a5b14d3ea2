"""What the driver asks of a place where jobs run: this process, worker processes, or a cluster."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from typing import ClassVar

from bench.records.schema import Record
from bench.training.jobs import Job

Curve = dict[str, list[float | int | None]]
Evaluation = tuple[float | int | None, ...]  # the columns of `CURVE`, and seconds since the first one


class WorkerDied(Exception):  # noqa: N818 - an event, not an error of this program
    """A future's exception: the worker went away with the job. for_good: it has been tried often enough."""

    for_good = False


class Executor(ABC):
    """Numbered slots, each of which does one job at a time.

    submit_waits: whether a job runs in the driver's own thread, so that `submit` returns only when it has ended.
    on_evaluation: called with the slot after each evaluation there: nobody could ask how far the job is meanwhile.
    """

    submit_waits: ClassVar[bool] = False
    on_evaluation: Callable[[int], None] | None = None

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many jobs may run at once. It may grow while an experiment runs, and never shrinks."""

    @property
    def workers(self) -> int:
        """How many slots have a process of their own, among which the machine's memory is shared out."""
        return self.slots

    @property
    def looking_slot(self) -> int:
        """The slot whose worker sees what devices there are."""
        return 0

    def lane(self, job: Job) -> str:
        """Which kind of slot a job needs, where an executor has several kinds."""
        return ""

    def lane_of(self, slot: int) -> str:
        """Of which kind a slot is."""
        return ""

    @abstractmethod
    def submit(self, job: Job, slot: int) -> Future[Record]:
        """Start a job in a free slot. The future fails with WorkerDied where the worker did not outlive it."""

    @abstractmethod
    def restart(self, slot: int) -> None:
        """End what the slot does, at once and whatever it is, and make the slot usable again."""

    @abstractmethod
    def close(self) -> None:
        """End all jobs and workers at once; more than once does no harm."""

    def progress(self, slot: int) -> tuple[int, float]:
        """(step, validation loss) that the job in a slot last told; NaN before it told any."""
        return 0, math.nan

    def curve(self, slot: int) -> Curve | None:
        """The learning curve that the job in a slot, or the one that just died there, has told so far."""
        return None

    def evaluations(self, slot: int, since: int = 0) -> list[Evaluation]:
        """What the job in a slot has told of its training so far, without the first `since` evaluations."""
        return []

    def seconds(self, slot: int) -> float:
        """How long the job in a slot has been running; 0 while its worker is still starting."""
        return 0.0

    def resident_bytes(self, slot: int) -> int:
        """Memory that the slot's worker holds; 0 where that is not known."""
        return 0

    def died_for_memory(self, slot: int) -> bool:
        """Whether the worker that just died in a slot was killed by the kernel because the machine had none left."""
        return False

    def how_it_died(self, slot: int) -> str:
        """What ended the worker that just died in a slot, as far as it can be seen."""
        return "killed, or a crash"
