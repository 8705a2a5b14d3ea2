"""The report of a run that is still going on: rendered again at intervals, by another process.

Trainings do not wait for it, and timings do: none is taken while a page is being rendered.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.experiment.observer import Observer, Relay
from bench.records.schema import TRAININGS, Record

INTERVAL_SECONDS = 300.0  # a rendering takes eight seconds of a core from the trainings: a short run has none
SHARE = 0.02  # of the time may go into rendering
LONGEST_SECONDS = 300.0  # a rendering that takes longer is given up


class Refreshed(Relay):
    """Passes everything on to another observer, and starts `render` when the last rendering is long enough ago."""

    def __init__(
        self,
        inner: Observer,
        render: Callable[[], subprocess.Popen[bytes]],
        *,
        interval_seconds: float = INTERVAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._render, self._clock = render, clock
        self._interval = interval_seconds
        self._began = self._ended = clock()
        self._running: subprocess.Popen[bytes] | None = None

    def started(self, slot: int, label: str, steps: int) -> None:
        if label.startswith("timing "):
            self.settle()
        super().started(slot, label, steps)

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        super().finished(slot, record, reused)
        if self._running is not None and self._running.poll() is not None:
            self._ended, self._running = self._clock(), None
        pause = max(self._interval, (self._ended - self._began) / SHARE)
        measured = record["stage"] in TRAININGS and not reused
        if measured and self._running is None and self._clock() - self._ended >= pause:
            self._began = self._clock()
            self._running = self._render()

    def settle(self) -> None:
        """Wait for a rendering that is going on, then none is; one that takes too long is ended."""
        if self._running is None:
            return
        try:
            self._running.wait(LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            self.give_up()
        self._ended, self._running = self._clock(), None

    def give_up(self) -> None:
        """End a rendering that is going on; the report stays as it was."""
        if self._running is not None:
            self._running.terminate()
            self._running.wait()
            self._running = None


@contextmanager
def refreshing(inner: Observer, name: str, results: str | Path, reports: str | Path) -> Iterator[Observer]:
    """`inner`, with the report of experiment `name` rendered at intervals as long as this lasts."""
    command = [sys.executable, "-m", "bench", "report", name, "--results", str(results), "--reports", str(reports)]

    def render() -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen([*command, "--quiet"], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)

    observer = Refreshed(inner, render)
    try:
        yield observer
    finally:
        observer.give_up()
