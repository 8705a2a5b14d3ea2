"""The live display in a terminal: an overall bar, and a line for what each worker trains."""

from __future__ import annotations

import math
import threading
from types import TracebackType
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bench.cli.display.progress import Progress, RunningTraining, clock_time, describe
from bench.experiment.observer import Observer
from bench.records.plain import plain
from bench.records.schema import Record


class LiveProgress(Observer):
    """Draws itself four times a second from a thread of rich's; the experiment's thread only updates numbers."""

    def __init__(self, stream: TextIO) -> None:
        self._progress = Progress()
        self._lock = threading.Lock()
        self._console = Console(file=stream, highlight=False)
        self._live = Live(get_renderable=self._draw, console=self._console, transient=True, refresh_per_second=4)

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self._progress.finished:
            self._print(self._progress.summary)

    def planned(self, trainings: int) -> None:
        with self._lock:
            self._progress.planned = trainings

    def started(self, slot: int, label: str, steps: int) -> None:
        with self._lock:
            self._progress.running[slot] = RunningTraining(label, steps)

    def progress(self, slot: int, step: int, loss: float) -> None:
        with self._lock:
            running = self._progress.running.get(slot)
            if running is not None:
                running.step, running.loss = step, loss

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        with self._lock:
            self._progress.finish(slot, record, reused)
        if record.get("status", "ok") != "ok" and not reused:
            self._print(describe(record), style="red")

    def note(self, text: str) -> None:
        self._print(text)

    def _print(self, text: str, style: str = "") -> None:
        """Above the display, as it is: labels such as `copy[delay=5]` are no markup."""
        self._console.print(Text(plain(text), style=style), soft_wrap=True)

    def _draw(self) -> Group:
        with self._lock:
            return Group(_overall(self._progress), _workers(self._progress))


def _overall(progress: Progress) -> Table:
    remaining = progress.remaining_seconds
    eta = "" if remaining is None else f"about {clock_time(remaining)} left"
    row = Table.grid(padding=(0, 1))
    row.add_row(
        Text(f"{progress.finished}/{progress.planned or '?'}"),
        ProgressBar(total=max(progress.planned, 1), completed=progress.done, width=24),
        Text(clock_time(progress.elapsed_seconds)),
        Text(eta, style="cyan"),
        Text(f"{progress.failed} failed" if progress.failed else "", style="red"),
    )
    return row


def _workers(progress: Progress) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()  # rich narrows columns that may wrap first: this one, not the numbers
    table.add_column(no_wrap=True, justify="right", min_width=13)
    table.add_column(no_wrap=True, min_width=14)
    for slot in sorted(progress.running):
        running = progress.running[slot]
        loss = "" if math.isnan(running.loss) else f"loss {running.loss:.4g}"
        label = Text(f"  {slot + 1} {running.label}", no_wrap=True, overflow="ellipsis")
        table.add_row(label, Text(f"{running.step}/{running.steps}"), Text(loss))
    return table
