"""Plug-ins that end the program, raise what is no error, hang, or leave threads: exit code 2, or a failed record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.experiment.time_limit import OutOfTime, until

UNRULY = str(Path(__file__).parents[1] / "plugins" / "unruly.py")


def bench(folder: Path, unruly: str, *flags: str) -> subprocess.CompletedProcess[str]:
    base = ["run", "--plugin", UNRULY, "--tasks", "unruly", "--models", "unruly_linear", "--budget", "smoke"]
    return subprocess.run(
        [sys.executable, "-m", "bench", *base, "--name", "e", "--workers", "1", *flags],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "UNRULY": unruly},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("what", ["exit", "leave", "interrupt"])
@pytest.mark.parametrize("where", ["import", "generate", "references"])
def test_code_that_ends_the_program_in_the_parent_is_a_mistake_that_is_named(
    folder: Path, where: str, what: str
) -> None:
    done = bench(folder, f"{where} {what}")
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert "unruly.py" in last
    assert "KeyboardInterrupt" in last if what == "interrupt" else "SystemExit: 0" in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("what", "named"), [("exit", "SystemExit: 0"), ("interrupt", "KeyboardInterrupt")])
def test_a_model_that_ends_its_worker_is_refused_before_the_first_training(folder: Path, what: str, named: str) -> None:
    done = bench(folder, f"build {what}")
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert "unruly.py: misbehave, line" in last
    assert named in last
    assert not (folder / "results/e").exists()


@pytest.mark.parametrize("where", ["import", "generate"])
def test_what_hangs_before_the_first_training_ends_with_the_time_limit(folder: Path, where: str) -> None:
    began = time.monotonic()
    done = bench(folder, f"{where} sleep", "--timeout", "3", "--max-time", "6")
    assert time.monotonic() - began < 60
    assert done.returncode == 2, done.stderr
    assert "--max-time" in done.stderr.splitlines()[-1]
    assert not (folder / "results/e/records.jsonl").exists()


def test_references_that_hang_end_with_the_time_limit_and_what_is_trained_is_kept(folder: Path) -> None:
    done = bench(folder, "references sleep-once-recorded", "--max-time", "10", "--seeds", "50")
    assert done.returncode == 1, done.stderr
    assert json.loads((folder / "results/e/experiment.json").read_text())["status"] == "out of time"


def test_a_thread_of_a_plug_in_does_not_keep_the_program(folder: Path) -> None:
    done = bench(folder, "import thread")
    assert done.returncode == 0, done.stderr
    assert (folder / "reports/e/index.html").exists()


def test_a_deadline_interrupts_even_code_that_catches_every_exception() -> None:
    def loop() -> None:
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                pytest.fail("the deadline was an Exception")

    with pytest.raises(OutOfTime), until(time.monotonic() + 0.05):
        loop()
