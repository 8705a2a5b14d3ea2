"""A cohort's process, seen from its parent, which starts it, gives it jobs, receives its messages and ends it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from bench.executors import worker
from bench.records.schema import Record
from bench.training.jobs import Job

FIRST_GPU = "0"  # of those that this process sees; a process that has it sees them all, and so can tell how many
END_SECONDS = 2.0  # a killed process is gone at once, unless the kernel is busy writing for it


@dataclass
class RunningJob:
    """A job that a cohort has. company: with how many at once, itself included; None: with any number."""

    serial: int
    slot: int
    job: Job
    future: Future[Record]
    company: int | None = None


class CohortProcess:
    """One process on one GPU; `ended` once it has died.

    lost: what it said before it gave up a device that stopped answering. gone: what it said where it found none.

    A thread listens to it and hands records over; all else is called from the driver's thread.
    """

    def __init__(
        self,
        gpu: str | None,
        plugins: Sequence[str],
        fixed: int | None,
        doubles: Any,
        turns: Any,
        note: Callable[[str], None],
        grown: Callable[[int], None],
    ) -> None:
        """gpu: as CUDA_VISIBLE_DEVICES names it, or `FIRST_GPU`; None: the CPU. grown: how many may run at once now."""
        self._note, self._grown = note, grown
        self.running: dict[int, RunningJob] = {}
        self.lost: str | None = None
        self.gone: str | None = None
        self.served = False  # whether it has ended a job
        self._dropped: dict[int, threading.Event] = {}
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, doubles, turns, os.getpid(), tuple(plugins), fixed, gpu is not None)
        with worker.worker_environment({} if gpu in (None, FIRST_GPU) else {"CUDA_VISIBLE_DEVICES": str(gpu)}):
            self._process = context.Process(target=_serve, args=arguments, daemon=True)
            self._process.start()
        theirs.close()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def ended(self) -> bool:
        """Whether it is gone, and all that it said before was heard."""
        return not self._listener.is_alive()

    def give(self, running: RunningJob) -> None:
        """Hand over a job; a process that is just ending may never see it, and keeps it in `running` all the same."""
        self.running[running.serial] = running
        self._send(("job", running.serial, running.slot, running.job, running.company))

    def drop(self, serial: int, seconds: float) -> bool:
        """Have it forget a job; False where it does not answer in time."""
        self.running.pop(serial, None)
        dropped = self._dropped[serial] = threading.Event()
        self._send(("drop", serial))
        return dropped.wait(seconds)

    def end(self) -> None:
        """At once, whatever it does."""
        self._process.kill()
        self._process.join(END_SECONDS)
        self._listener.join(END_SECONDS)

    def _send(self, message: tuple[Any, ...]) -> None:
        with contextlib.suppress(OSError):  # it has died: who looks at `ended` next takes care of its jobs
            self._connection.send(message)

    def _listen(self) -> None:
        while True:
            try:
                kind, first, *rest = self._connection.recv()
            except (EOFError, OSError):
                return
            if kind == "ended":
                self.served = True
                running = self.running.pop(first, None)
                if running is not None:
                    running.future.set_result(rest[0])
            elif kind == "dropped":
                self._dropped.pop(first).set()
            elif kind == "size":
                self._grown(first)
            elif kind == "note":
                self._note(first)
            elif kind == "gone":
                self.gone = first
            else:
                self.lost = first


def _serve(*arguments: Any) -> None:
    """In the process: torch is imported there and not here."""
    from bench.executors.cohort.worker import serve

    serve(*arguments)
