"""Start the command line as a process that can be killed, and compare the records of two runs."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.records.jsonl import read_records
from bench.records.schema import Record

TOY = str(Path(__file__).parents[1] / "plugins" / "toy.py")
# the fields in which two runs of one training may differ
TIMES = ("wall_seconds", "cpu_seconds", "peak_bytes", "timing", "evaluation_seconds")
Run = Callable[..., Outcome]


class Notes(Observer):
    """An observer that keeps the sentences for people."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.reused: list[bool] = []

    def note(self, text: str) -> None:
        self.texts.append(text)

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        self.reused.append(reused)


def records(folder: Path, name: str = "e") -> list[Record]:
    return list(read_records(folder / "results" / name / "records.jsonl"))


def places(found: list[Record]) -> list[tuple[Any, ...]]:
    """Return the identity of each record."""
    return [(r["key"], r["stage"], r["match"], r["trial"], r["replicate"], r["model"]["label"]) for r in found]


def outcomes(found: list[Record]) -> dict[tuple[Any, ...], str]:
    """Return the records by identity, without the fields that may differ between two runs."""
    assert len(set(places(found))) == len(found), "a record was written twice"
    kept = [json.dumps({k: v for k, v in r.items() if k not in TIMES}, sort_keys=True) for r in found]
    return dict(zip(places(found), kept, strict=True))


def command(*flags: str) -> list[str]:
    base = ["run", "--plugin", TOY, "--tasks", "toy", "--budget", "smoke", "--name", "e"]
    return [sys.executable, "-m", "bench", *base, *flags]


def start(folder: Path, *flags: str) -> subprocess.Popen[str]:
    """Start the command line in a process of its own, whose output can be read line by line."""
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command(*flags), cwd=folder, env=environment, preexec_fn=_heed_signals, **pipes)


def _heed_signals() -> None:
    """Signals that this process was started to ignore (nohup, a job in the background) are for the command line."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def progress(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yield the lines about trainings as they are printed."""
    assert process.stdout is not None
    return (line for line in process.stdout if line.startswith("["))


def workers_of(parent: int) -> list[int]:
    """The process ids of the parent's worker processes that are alive."""
    found = []
    try:
        children = psutil.Process(parent).children()
    except psutil.NoSuchProcess:
        return []
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile, or is a zombie
            if "spawn_main" in " ".join(child.cmdline()) and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child.pid)
    return found


def all_gone(processes: list[int], within_seconds: float) -> bool:
    """Return whether all these processes end within the time."""
    deadline = time.monotonic() + within_seconds
    for pid in processes:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            ended, _, _ = select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))
        finally:
            os.close(descriptor)
        if not ended:
            return False
    return True
