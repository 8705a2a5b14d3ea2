"""Time this code and another commit's alternately: one process in each tree, one training step at a time."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import bench
from bench.analysis.formatting import counted
from bench.config.contenders import Entry
from bench.config.experiment import Experiment
from bench.config.options import keys_deciding
from bench.executors.worker import worker_environment
from bench.gate.errors import NotComparable
from bench.gate.replicates import CellName
from bench.gate.speed import Times
from bench.gate.this_code.record_baseline import LEFT_OUT
from bench.models.contract import Model

NO_CHECKOUT = "--gate-time compares with a commit, but the current folder is not in a git checkout"
PROGRAM = Path(__file__).with_name("time_steps.py")


class TwoTrees:
    """Times two versions of the code, for `bench.gate.speed`. A context manager, as it holds a temporary folder.

    experiment: the baseline's experiment, resolved by this code. Each process works in the folder of its tree that
    corresponds to the current folder, so that relative paths of plug-ins lead to the tree's own files. What Python
    imports from the checkout comes from the tree too. Steps are timed on a CPU unless the experiment says
    device = "cuda".

    Raises NotComparable if the current folder is not in a git checkout, the commit does not exist, or its code cannot
    be timed.
    """

    def __init__(self, commit: str, experiment: Experiment, note: Callable[[str], None]) -> None:
        self._experiment, self._note = experiment, note
        self._checkout = Path(_git("rev-parse", "--show-toplevel", otherwise=NO_CHECKOUT)).resolve()
        wanted = f"{commit}^{{commit}}"
        missing = f"there is no commit '{commit}' here; a workflow has it with fetch-depth: 0"
        self._hash = _git("rev-parse", "--verify", "--quiet", "--end-of-options", wanted, otherwise=missing)
        self.commit = self._hash[:12]

    def __enter__(self) -> TwoTrees:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-commit-"))
            archive = stack.enter_context(tempfile.TemporaryFile())
            command = ["git", "archive", "--format=tar", self._hash]
            subprocess.run(command, cwd=self._checkout, stdout=archive, check=True)
            archive.seek(0)
            try:
                with tarfile.open(fileobj=archive) as files:
                    files.extractall(folder, filter="data")
            except tarfile.ReadError:  # an archive of a commit without files
                raise NotComparable(f"commit {self.commit} has no files: choose a later one") from None
            self._tree = Path(folder).resolve()
            self._open = stack.pop_all()  # nothing failed: keep the folder until __exit__
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def time(self, cells: Sequence[CellName], rounds: int) -> Mapping[CellName, Times]:
        """Time both versions in every round, either one first in turn, so that a drift of the speed cancels."""
        times = {name: Times([], []) for name in cells}
        with contextlib.ExitStack() as stack:
            before = stack.enter_context(self._start(self._tree, cells, f"commit {self.commit}"))
            now = stack.enter_context(self._start(self._checkout, cells, "this code"))
            for number in range(rounds):
                for index, name in enumerate(cells):
                    sides = [(before, times[name].before), (now, times[name].now)]
                    for process, seconds in sides if number % 2 == 0 else sides[::-1]:
                        seconds.append(process.seconds(index))
                if (number + 1) % 4 == 0:
                    self._note(
                        f"timed {number + 1} of {rounds} rounds of {counted(len(cells), 'cell')} in both versions"
                    )
        return times

    @contextlib.contextmanager
    def _start(self, tree: Path, cells: Sequence[CellName], what: str) -> Iterator[_Process]:
        folder = tree / _place(Path.cwd(), self._checkout)
        if not folder.is_dir():
            raise NotComparable(f"{what} cannot be timed: it has no folder {_place(Path.cwd(), self._checkout)}")
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
            with worker_environment():
                running = subprocess.Popen(
                    [sys.executable, "-P", str(PROGRAM)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    encoding="utf-8",
                    cwd=folder,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(self._path(tree))},
                )
            process = _Process(running, errors, what)
            try:
                found = process.ask(self._request(cells))
                home = Path(bench.__file__).resolve()
                if home.is_relative_to(self._checkout) and not Path(found["bench"]).resolve().is_relative_to(tree):
                    raise NotComparable(f"{what} cannot be timed: Python imports bench from {found['bench']} instead")
                yield process
            finally:
                process.end()

    def _request(self, cells: Sequence[CellName]) -> dict[str, Any]:
        """Request only what these cells need, and options that are set: older code may not know the others."""
        made = self._experiment
        tasks, models = ({name[side] for name in cells} for side in (0, 1))
        settings = made.settings() | {
            "tasks": [task.label for task in made.tasks if task.label in tasks and task.name != "series"],
            "models": [model.label for model in made.models if _is_among(model, made.entries, models)],
            "plugins": [self._portable(path) for path in made.options.plugins],
        }
        if not any(task.name == "series" and task.label in tasks for task in made.tasks):
            settings = {key: value for key, value in settings.items() if key not in keys_deciding("table")}
        given = {
            key: value for key, value in settings.items() if value not in (None, [], False) and key not in LEFT_OUT
        }
        return {"experiment": given, "cells": cells, "device": "cuda" if made.options.device == "cuda" else "cpu"}

    def _portable(self, path: str) -> str:
        """Make a path within the checkout relative, so that it leads to each tree's own file; leave others absolute."""
        inside = Path(path).resolve().is_relative_to(self._checkout)
        return os.path.relpath(path) if inside else str(Path(path).resolve())

    def _path(self, tree: Path) -> list[str]:
        """List the folders for PYTHONPATH: those of the checkout, within the tree, and the user's own."""
        own = [Path(entry or ".").resolve() for entry in sys.path]
        inside = [tree / _place(entry, self._checkout) for entry in own if entry.is_relative_to(self._checkout)]
        given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        outside = [entry for entry in given if not Path(entry).resolve().is_relative_to(self._checkout)]
        return [*dict.fromkeys(str(entry) for entry in inside if entry.is_dir()), *outside]


class _Process:
    """A process that answers a line of JSON with a line of JSON. what: the name of its code in messages."""

    def __init__(self, running: subprocess.Popen[str], errors: TextIO, what: str) -> None:
        self._running, self._errors, self._what = running, errors, what

    def seconds(self, cell: int) -> float:
        """Seconds of a training step of the cell with this index."""
        return float(self.ask(cell)["seconds"])

    def ask(self, content: Any) -> dict[str, Any]:
        """Send a request and return the answer. Raises NotComparable if the process gives none."""
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        line = ""
        with contextlib.suppress(BrokenPipeError):  # the process has ended, so there will be no answer either
            self._running.stdin.write(json.dumps(content) + "\n")
            self._running.stdin.flush()
            line = self._running.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": self._last_error()}
        if "error" in answer:
            raise NotComparable(
                f"{self._what} cannot be timed on the baseline's cells ({answer['error']}): choose cells that both "
                "versions have with --cells, or a later commit"
            )
        return answer

    def end(self) -> None:
        """Close its input, which ends it, and wait."""
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._running.stdin.close()
        self._running.stdout.close()
        self._running.terminate()
        self._running.wait()

    def _last_error(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else f"its process ended with code {self._running.wait()}"


def _is_among(model: Model, entries: Sequence[Entry], labels: Container[str]) -> bool:
    return any(entry.model == model and entry.label in labels for entry in entries)


def _place(path: Path, folder: Path) -> Path:
    return path.resolve().relative_to(folder)


def _git(*arguments: str, otherwise: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise NotComparable(otherwise) from None
    return done.stdout.strip()
