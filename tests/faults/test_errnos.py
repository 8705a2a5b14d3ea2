"""Every errno an answer: whatever the system refuses, the run ends with a sentence and its records are whole."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import Run, command, outcomes, records

from bench.records.disk import advice
from bench.records.jsonl import scan
from tasks.errors import UserError

ERRNOS = [
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ELOOP, errno.EACCES),
    *(errno.EROFS, errno.ENAMETOOLONG),
]


class Refusing:
    """Counts the calls by which a run writes, and lets one of them fail."""

    def __init__(self, folder: Path, fails_at: int | None = None, number: int = 0) -> None:
        self.folder, self.fails_at, self.number, self.calls = folder, fails_at, number, 0

    @contextmanager
    def patched(self) -> Iterator[Refusing]:
        with pytest.MonkeyPatch.context() as patch:
            for module, name in ((os, "write"), (os, "fsync"), (os, "open"), (os, "ftruncate")):
                patch.setattr(module, name, self._counting(getattr(module, name)))
            for name in ("open", "replace", "mkdir", "unlink"):
                patch.setattr(Path, name, self._counting(getattr(Path, name), self.folder / "results"))
            yield self

    def _counting(self, call: Callable[..., Any], inside: Path | None = None) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **settings: Any) -> Any:
            if inside is not None and inside not in (arguments[0].absolute(), *arguments[0].absolute().parents):
                return call(*arguments, **settings)
            self.calls += 1
            if self.calls == self.fails_at:
                raise OSError(self.number, os.strerror(self.number))
            return call(*arguments, **settings)

        return wrapped


def injected(experiment: Run, folder: Path, chosen: Callable[[int], list[tuple[int, int]]]) -> int:
    """Run with one refusal at a time; how many runs noticed. Each must then be completed by the same command."""
    made: dict[str, Any] = {"trials": 1}
    experiment(**made)  # loads what is loaded once
    expected = outcomes(records(folder))
    shutil.rmtree(folder / "results")
    with Refusing(folder).patched() as counted:
        experiment(**made)
    noticed = 0
    for number, at in chosen(counted.calls):
        shutil.rmtree(folder / "results")
        answered: str | None = "a UserError, or nothing"
        with Refusing(folder, at, number).patched():
            try:
                experiment(**made)
            except UserError:
                noticed += 1
            except OSError as error:  # the command line makes a sentence of it
                noticed += 1
                answered = advice(error)
            assert answered is not None, (number, at)
        path = folder / "results/e/records.jsonl"
        assert [line.problem for line in scan(path) if line.problem] == [], (number, at)
        experiment(**made)
        assert outcomes(records(folder)) == expected, (number, at)
    return noticed


def test_a_refusal_at_some_writes_ends_the_run_and_the_same_command_completes_it(experiment: Run, folder: Path) -> None:
    assert injected(experiment, folder, lambda calls: list(zip(ERRNOS, range(1, calls, 9), strict=False))) > 3


@pytest.mark.slow
@pytest.mark.storm
def test_a_refusal_at_every_write_ends_the_run_and_the_same_command_completes_it(experiment: Run, folder: Path) -> None:
    def every(calls: int) -> list[tuple[int, int]]:
        return [(ERRNOS[at % len(ERRNOS)], at) for at in range(1, calls + 1)]

    assert injected(experiment, folder, every) > 20


def limited(
    folder: Path, limit: str, *arguments: str, stdout: Any = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f'{limit}; exec "$@"', "-", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )


def test_too_few_open_files_for_the_workers_is_one_line(folder: Path) -> None:
    done = limited(folder, "ulimit -n 40", *command("--models", "linear", "--workers", "16"))
    assert done.returncode == 2, done.stderr
    assert "Too many open files" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_can_not_be_written_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    listing = [sys.executable, "-m", "bench", "list", "budgets"]
    with open("/dev/full", "w") as full:
        done = limited(folder, "true", *listing, stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_output_that_is_closed_or_no_longer_read_is_no_traceback(folder: Path) -> None:
    listing = [sys.executable, "-m", "bench", "list", "budgets"]
    assert limited(folder, "exec >&-", *listing).returncode in (0, 1, 2)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = limited(folder, "true", *listing, stdout=writer)
    finally:
        os.close(writer)
    assert done.returncode == 1
    assert done.stderr == ""
