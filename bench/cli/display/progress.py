"""Progress of an experiment on stderr: a live display in a terminal, one plain line a training anywhere else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.analysis.formatting import counted
from bench.analysis.labels import brief
from bench.analysis.timing_conditions import kernel_and_condition
from bench.experiment.observer import Observer
from bench.records.curves import lowest_valid_loss
from bench.records.plain import plain
from bench.records.schema import TRAININGS, Record


@dataclass
class Progress:
    """How far an experiment is: what was planned, what is done, and what remains at the speed so far."""

    clock: Callable[[], float] = time.monotonic
    planned: int = 0
    finished: int = 0
    trainings: int = 0  # of those that are finished; the others are measurements: examinations and timings
    reused: int = 0
    reused_trainings: int = 0  # of these
    failed: int = 0
    running: dict[int, RunningTraining] = field(default_factory=dict)
    began: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def elapsed_seconds(self) -> float:
        return self.clock() - self.began

    @property
    def done(self) -> float:
        """Trainings done, those in progress counted by their steps."""
        return self.finished + sum(running.fraction for running in self.running.values())

    @property
    def remaining_seconds(self) -> float | None:
        """At the speed so far; None before half a training was done. What was found in the records took no time.

        Not `rich.progress`: it measures the speed between the last 1,000 reports, and trainings side by side report at
        the same moment. With 16 workers whose trainings take a minute and report once, its time left was wrong by 19 to
        100 % (median), with 300 on a GPU that report each second by 10 %; this one by less than 0.1 %.
        """
        worked = self.done - self.reused
        if worked < 0.5 or not self.planned:
            return None
        return self.elapsed_seconds * max(self.planned - self.done, 0) / worked

    @property
    def summary(self) -> str:
        """What was done, in a line at the end."""
        measured, found = self.finished - self.trainings, self.reused - self.reused_trainings
        done = counted(self.trainings, "training")
        done += f" ({self.reused_trainings} found in the records)" if self.reused_trainings else ""
        done += f" and {counted(measured, 'measurement')}" if measured else ""
        done += f" ({found} found)" if found else ""
        return f"{done} in {clock_time(self.elapsed_seconds)}"

    def finish(self, slot: int | None, record: Record, reused: bool) -> None:
        if slot is not None:
            self.running.pop(slot, None)
        self.finished += 1
        self.trainings += record["stage"] in TRAININGS
        self.planned = max(self.planned, self.finished)
        self.reused += reused
        self.reused_trainings += reused and record["stage"] in TRAININGS
        self.failed += record.get("status", "ok") != "ok"


@dataclass
class RunningTraining:
    """A training in progress."""

    label: str
    steps: int
    step: int = 0
    loss: float = math.nan

    @property
    def fraction(self) -> float:
        return min(self.step / self.steps, 1.0) if self.steps else 0.0


class PlainProgress(Observer):
    """One line for everything that was measured: for pipes and logs."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._progress = Progress()

    def planned(self, trainings: int) -> None:
        self._progress.planned = trainings

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        self._progress.finish(slot, record, reused)
        if not reused:
            self._write(f"[{self._progress.finished}/{self._progress.planned}] {describe(record)}")

    def note(self, text: str) -> None:
        self._write(text)

    def end(self) -> None:
        """Say what was done."""
        if self._progress.finished:
            self._write(self._progress.summary)


class ProgressLine(Observer):
    """One line that is written again and again: for notebooks."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._progress, self._width = write, Progress(), 0

    def planned(self, trainings: int) -> None:
        self._progress.planned = trainings

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        self._progress.finish(slot, record, reused)
        progress, left = self._progress, self._progress.remaining_seconds
        soon = "" if left is None else f", about {clock_time(left)} left"
        failed = f", {progress.failed} failed" if progress.failed else ""
        spent = clock_time(progress.elapsed_seconds)
        self._show(f"{progress.finished} of {progress.planned} trainings and measurements in {spent}{soon}{failed}")

    def note(self, text: str) -> None:
        self._show(text)
        self._write("\n")
        self._width = 0

    def end(self) -> None:
        """Say what was done, and leave the line."""
        if self._progress.finished:
            self._show(self._progress.summary)
            self._write("\n")

    def _show(self, text: str) -> None:
        self._write("\r" + plain(text).ljust(self._width))
        self._width = len(text)


def describe(record: Record) -> str:
    """A record in a line: what was trained or timed, and what came out."""
    stage, model = record["stage"], record["model"]
    parts = [stage, brief(record["task"]["label"]), model["label"]]
    if model.get("hidden_size"):
        parts.append(f"hidden {model['hidden_size']} × {model['num_layers']}")
    if record.get("training"):
        parts.append(f"lr {record['training']['learning_rate']:.1e}")
    if record.get("replicate"):
        parts.append(f"replicate {record['replicate']}")
    return f"{' '.join(parts)}: {_outcome(record)}"


def _outcome(record: Record) -> str:
    if record.get("status", "ok") != "ok":
        lines = (record.get("error") or "").strip().splitlines()
        return f"{record['status']}: {lines[-1]}" if lines else str(record["status"])
    if record.get("timing"):
        how = kernel_and_condition({**record["timing"], "kernel": record.get("kernel")})
        kernel = f" ({how})" if how else ""
        return f"{record['timing']['step_seconds'] * 1e3:.3g} ms a step{kernel}"
    wall = f", {record['wall_seconds']:.1f} s" if record.get("wall_seconds") is not None else ""
    if record["stage"] == "examine":
        return "gradient flow and predictions" if record.get("gradient_flow") else "predictions"
    if record.get("test") and record["stage"] != "trial":  # a trial competes by its validation loss
        skill = record["test"].get("skill")
        scored = f", skill {skill:.3f}" if skill is not None else ""
        return f"test loss {record['test']['loss']:.4g}{scored}{wall}"
    loss = lowest_valid_loss(record)
    return f"ok{wall}" if loss is None else f"best valid loss {loss:.4g}{wall}"


def clock_time(seconds: float) -> str:
    """`h:mm:ss`, or `m:ss` below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
