"""Two runs with one name: the second is refused; the lock of a run that has died is taken over."""

from __future__ import annotations

import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import Notes, Run, records

from bench.records import heartbeat
from bench.records import lock as lock_module
from bench.records.lock import FolderLock
from tasks.errors import UserError


def hold(folder: str, ready: Any, end: Any) -> None:
    lock = FolderLock(Path(folder))
    lock.acquire()
    ready.set()
    end.wait()
    lock.release()


def hold_without_flock(folder: str, ready: Any, end: Any) -> None:
    lock_module._lock = lambda descriptor: None
    hold(folder, ready, end)


@contextmanager
def another_run(place: Path, holding: Callable[..., None] = hold) -> Iterator[Any]:
    """A process that holds the folder, until the end of the block or until it is killed."""
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    other = context.Process(target=holding, args=(str(place), ready, end))
    other.start()
    assert ready.wait(30)
    yield other
    if other.is_alive():  # to tell a process that was killed would wait for it for ever
        end.set()
        other.join()


def test_a_second_run_is_refused_with_the_first_ones_process_and_host(experiment: Run, folder: Path) -> None:
    experiment()
    before = (folder / "results/e/records.jsonl").read_bytes()
    with another_run(folder / "results/e") as other:
        refusal = rf"results/e is in use by process {other.pid} on {platform.node()}: wait for it, stop it, or"
        for how in ("fresh", "retry_failed"):
            with pytest.raises(UserError, match=refusal):
                experiment(**{how: True})
        assert (folder / "results/e/records.jsonl").read_bytes() == before
    experiment(fresh=True)


def test_the_lock_of_a_dead_run_is_taken_over(experiment: Run, folder: Path, notes: Notes) -> None:
    (folder / "results/e").mkdir(parents=True)
    with another_run(folder / "results/e") as other:
        other.kill()
        other.join()
    assert (folder / "results/e/.lock").exists()
    experiment()
    assert f"took over the folder from process {other.pid} on {platform.node()}" in notes.texts[0]
    assert len(records(folder)) > 0
    assert not (folder / "results/e/.lock").exists()


def test_a_lock_is_free_again_after_release(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    assert first.acquire() is None
    with pytest.raises(UserError, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    assert second.acquire() is None
    second.release()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that answers ENOLCK."""
    monkeypatch.setattr(lock_module, "_lock", lambda descriptor: None)
    monkeypatch.setattr(heartbeat, "WATCH_SECONDS", 0.3)


def test_without_flock_a_second_run_is_refused_and_a_dead_one_is_taken_over(
    experiment: Run, folder: Path, notes: Notes, no_flock: None
) -> None:
    experiment()
    place = folder / "results/e"
    with another_run(place, hold_without_flock) as other:
        refusal = rf"results/e is in use by process {other.pid} on {platform.node()}"
        for how in ("fresh", "retry_failed"):
            with pytest.raises(UserError, match=refusal):
                experiment(**{how: True})
        old = time.time() - 2 * heartbeat.STALE_SECONDS
        os.utime(place / ".lock.held", (old, old))  # it has not beaten for long, and is seen to live
        with pytest.raises(UserError, match=refusal):
            experiment(fresh=True)
        other.kill()
        other.join()
    os.utime(place / ".lock.held")
    with pytest.raises(UserError, match=refusal):  # so fresh that it may live where this process can't see
        experiment(fresh=True)
    os.utime(place / ".lock.held", (old, old))
    experiment(fresh=True)
    assert f"took over the folder from process {other.pid} on {platform.node()}" in notes.texts[-2] + notes.texts[-1]
    assert not list(place.glob(".lock*"))
    assert len(records(folder)) > 0


def test_without_flock_a_holder_on_another_machine_is_dead_only_if_it_was_watched(
    tmp_path: Path, no_flock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, old = tmp_path / ".lock.held", time.time() - 2 * heartbeat.STALE_SECONDS
    held.write_text("elsewhere\n1\nabc\n")
    with pytest.raises(UserError, match="is in use by another process"):
        FolderLock(tmp_path).acquire()
    os.utime(held, (old, old))
    real = heartbeat.time.sleep
    monkeypatch.setattr(heartbeat.time, "sleep", lambda seconds: (os.utime(held, (old + 5, old + 5)), real(seconds)))
    with pytest.raises(UserError, match="is in use by"):  # a clock that is behind, and beats
        FolderLock(tmp_path).acquire()
    monkeypatch.undo()
    monkeypatch.setattr(lock_module, "_lock", lambda descriptor: None)
    monkeypatch.setattr(heartbeat, "WATCH_SECONDS", 0.3)
    lock = FolderLock(tmp_path)
    lock.check()
    assert lock.acquire() == "process 1 on elsewhere"
    lock.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flock", [True, False])
def test_a_lock_is_never_followed_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flock: bool) -> None:
    if not flock:
        monkeypatch.setattr(lock_module, "_lock", lambda descriptor: None)
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "e").mkdir()
    (tmp_path / "e/.lock").symlink_to(tmp_path / "precious")
    for attempt in (FolderLock.acquire, FolderLock.check):
        with pytest.raises(UserError, match="a lock is never followed: remove it"):
            attempt(FolderLock(tmp_path / "e"))
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_lock_that_is_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(UserError, match="is no regular file"):
        FolderLock(tmp_path).acquire()
