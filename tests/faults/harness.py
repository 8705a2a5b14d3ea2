"""The command line as a process to be killed, and what the records of two runs must agree in."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.experiment.observer import Observer
from bench.experiment.run import Outcome
from bench.records.jsonl import read_records
from bench.records.schema import Record

TOY = str(Path(__file__).parents[1] / "plugins" / "toy.py")
# what two runs of one training may differ in
TIMES = ("wall_seconds", "cpu_seconds", "peak_bytes", "timing", "evaluation_seconds")
Run = Callable[..., Outcome]


class Notes(Observer):
    """Keeps the sentences for a person."""

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
    """What each record is, once for each."""
    return [(r["key"], r["stage"], r["match"], r["trial"], r["replicate"], r["model"]["label"]) for r in found]


def outcomes(found: list[Record]) -> dict[tuple[Any, ...], str]:
    """Every record by its place, without what may differ between two runs."""
    assert len(set(places(found))) == len(found), "a record was written twice"
    kept = [json.dumps({k: v for k, v in r.items() if k not in TIMES}, sort_keys=True) for r in found]
    return dict(zip(places(found), kept, strict=True))


def command(*flags: str) -> list[str]:
    base = ["run", "--plugin", TOY, "--tasks", "toy", "--budget", "smoke", "--name", "e"]
    return [sys.executable, "-m", "bench", *base, *flags]


def start(folder: Path, *flags: str) -> subprocess.Popen[str]:
    """The command line in a process of its own, its output to be read line by line."""
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command(*flags), cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def progress(process: subprocess.Popen[str]) -> Iterator[str]:
    """The lines that tell of a training, as they come."""
    assert process.stdout is not None
    return (line for line in process.stdout if line.startswith("["))


def workers_of(parent: int) -> list[int]:
    """Worker processes that are alive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = dict(line.split(":\t", 1) for line in (entry / "status").read_text().splitlines() if ":\t" in line)
            arguments = (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields["PPid"].strip() == str(parent) and b"spawn_main" in arguments and "Z" not in fields["State"]:
            found.append(int(entry.name))
    return found


def all_gone(processes: list[int], within_seconds: float) -> bool:
    """Whether all these processes end in time."""
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
