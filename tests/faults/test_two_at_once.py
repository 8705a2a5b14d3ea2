"""Two runs with one name: the second is refused; the lock of a run that has died is taken over."""

from __future__ import annotations

import multiprocessing
import os
import platform
from pathlib import Path
from typing import Any

import pytest
from harness import Notes, Run, records

from bench.records.lock import FolderLock
from tasks.errors import UserError


def hold(folder: str, ready: Any, end: Any) -> None:
    lock = FolderLock(Path(folder))
    lock.acquire()
    ready.set()
    end.wait()
    lock.release()


def test_a_second_run_is_refused_with_the_first_ones_process_and_host(experiment: Run, folder: Path) -> None:
    experiment()
    before = (folder / "results/e/records.jsonl").read_bytes()
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    other = context.Process(target=hold, args=(str(folder / "results/e"), ready, end))
    other.start()
    assert ready.wait(30)
    refusal = rf"results/e is in use by process {other.pid} on {platform.node()}: wait for it, stop it, or"
    for how in ("fresh", "retry_failed"):
        with pytest.raises(UserError, match=refusal):
            experiment(**{how: True})
    assert (folder / "results/e/records.jsonl").read_bytes() == before
    end.set()
    other.join()
    experiment(fresh=True)


def test_the_lock_of_a_dead_run_is_taken_over(experiment: Run, folder: Path, notes: Notes) -> None:
    context = multiprocessing.get_context("spawn")
    (folder / "results/e").mkdir(parents=True)
    ready, end = context.Event(), context.Event()
    other = context.Process(target=hold, args=(str(folder / "results/e"), ready, end))
    other.start()
    assert ready.wait(30)
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
