"""Kills: of workers and of the parent, at any moment. Nothing is lost but what was in flight, and nothing is left."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import all_gone, outcomes, places, progress, records, start, workers_of

ROUNDS = 30
STORM = ("--models", "linear,faulty[how=none]", "--trials", "8", "--replicates", "20", "--workers", "2")
TO_BE_STOPPED = ("--models", "linear", "--workers", "2", "--replicates", "5000")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["Ctrl-C", "SIGTERM", "SIGHUP"])
def test_told_to_stop_it_stops_reports_and_says_how_to_go_on(folder: Path, number: signal.Signals) -> None:
    with start(folder, *TO_BE_STOPPED) as process:
        told = progress(process)
        for _ in range(5):
            next(told)
        workers = workers_of(process.pid)
        assert len(workers) == 2
        began = time.monotonic()
        process.send_signal(number)
        assert all_gone(workers, within_seconds=5)
        assert process.stdout is not None
        rest = process.stdout.read()
        assert process.wait() == 130, rest
        assert time.monotonic() - began < 60  # the report included, on a busy machine
        assert re.search(
            r"interrupted: what is done is kept; to go on, run again: python -m bench run .*--replicates 5000", rest
        )
        assert "Traceback" not in rest
    assert (folder / "reports/e/index.html").exists()
    found = records(folder)
    assert len(found) >= 5
    assert len(set(places(found))) == len(found)


def test_told_to_stop_twice_it_leaves_without_a_report_and_without_a_traceback(folder: Path) -> None:
    with start(folder, *TO_BE_STOPPED) as process:
        next(progress(process))
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert any(line.startswith("interrupted: ") for line in process.stdout)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait() == 130
        assert "Traceback" not in rest
    assert len(records(folder)) > 0


@pytest.mark.slow
@pytest.mark.storm
def test_a_storm_of_kills_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    """Workers and parents are killed at random moments, and each time the same command goes on."""
    chance = random.Random(20)
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    calm.mkdir()
    stormy.mkdir()
    expected = run_to_the_end(calm)
    path = stormy / "results/e/records.jsonl"
    killed_parents = killed_workers = 0
    while killed_parents < ROUNDS:
        before = path.read_bytes() if path.exists() else b""
        with start(stormy, *STORM) as process:
            killed_workers += kill_workers(process, chance)
            workers = workers_of(process.pid)
            ended_by_itself = process.poll() is not None
            process.kill()
        assert all_gone(workers, within_seconds=5)
        after = path.read_bytes() if path.exists() else b""
        assert after.startswith(before[: before.rfind(b"\n") + 1])  # all that was whole is still there
        if ended_by_itself:
            assert outcomes(records(stormy)) == expected
            shutil.rmtree(stormy / "results")
        killed_parents += not ended_by_itself
    assert run_to_the_end(stormy) == expected
    assert killed_workers >= ROUNDS / 3


def run_to_the_end(folder: Path) -> dict[tuple[Any, ...], str]:
    with start(folder, *STORM) as process:
        output, _ = process.communicate()
        assert process.returncode == 0, output
    return outcomes(records(folder))


def kill_workers(process: subprocess.Popen[str], chance: random.Random) -> int:
    """Wait for random moments, and kill a worker at some of them: how many. The last moment is the parent's.

    Two at most: by bad luck a third could be the third of one training, which then is recorded as failed.
    """
    told, killed = progress(process), 0
    for _ in range(chance.randrange(3)):
        _let_go_on(process, told, chance)
        workers = workers_of(process.pid)
        if workers:
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(chance.choice(workers), signal.SIGKILL)
                killed += 1
    _let_go_on(process, told, chance)
    return killed


def _let_go_on(process: subprocess.Popen[str], told: Iterator[str], chance: random.Random) -> None:
    for _ in range(chance.randrange(15)):
        next(told, None)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(chance.choice([0.0, chance.random() / 50, chance.random() * 2]))
