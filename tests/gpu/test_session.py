"""The session on a machine with a GPU, as far as it can be tried without one: what it names and imports exists."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from bench.executors.worker import CUDA_ENVIRONMENT

from ..by_path import load_script

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("test_"))


STAGES = ("look", "probe", "tests", "stacked", "cohort", "main")


def session(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(FOLDER / "session.sh"), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_a_dry_run_names_every_command_and_files_that_exist() -> None:
    done = session("--dry-run", *STAGES)
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    named = {word for word in words if word.startswith("tests/") and word.endswith(".py")}
    assert {str(path.relative_to(ROOT)) for path in SCRIPTS} <= named
    assert all((ROOT / name).is_file() for name in named)
    for stage in STAGES:
        assert f"==== {stage} (" in done.stdout
    assert "-m pytest -m gpu -n 0 -p no:benchmark" in done.stdout
    for device in ("cuda", "auto", "cpu"):
        assert f"bench run --models gru,lstm --device {device} " in done.stdout
    parts = load_script(FOLDER / "probe.py").PARTS
    asked = re.findall(r"probe\.py (.*)", done.stdout)
    assert {name for names in asked for name in names.split()} == set(parts)
    assert {"CUDA_DEVICE_MAX_CONNECTIONS=8", "CUDA_DEVICE_MAX_CONNECTIONS=32"} <= set(words)


def limit_of(*stages: str) -> int:
    """The seconds after which these stages end."""
    return sum(map(int, re.findall(r"^within (\d+) s$", session("--dry-run", *stages).stdout, re.MULTILINE)))


def test_make_perf_gpu_runs_all_stages_and_has_the_time_for_them() -> None:
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^perf-gpu:.*\n\t(.*)$", made, flags=re.MULTILINE)
    assert recipe.endswith(f"tests/gpu/session.sh {' '.join(STAGES)}")
    (seconds,) = re.findall(r"BENCH_SECONDS=(\d+)", recipe)
    assert int(seconds) > limit_of(*STAGES)


def test_the_commands_of_a_first_session_take_ten_minutes_each_and_half_an_hour_together() -> None:
    """With half a minute for wheels each, and time for a machine to start."""
    head = (FOLDER / "session.sh").read_text(encoding="utf-8").partition("set -uo pipefail")[0]
    commands = re.findall(r"^#   tests/gpu/session\.sh ([a-z ]+?) *# [\d.]+ min", head, flags=re.MULTILINE)
    assert [stage for command in commands for stage in command.split()] == list(STAGES)
    seconds = [limit_of(*command.split()) for command in commands]
    assert max(seconds) <= 530
    assert sum(seconds) <= 27 * 60


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a session in which no command runs: `timeout` writes down what it is given instead.

    The stacks take too long, and the benchmark's main job on the CPU fails.
    """
    timeout = tmp_path / "bin" / "timeout"
    timeout.parent.mkdir()
    timeout.write_text(
        '#!/bin/sh\necho "$@" >>"$OUT/begun.log"\necho "some output"\n'
        'case "$*" in *stacked.py*) exit 124 ;; *"--device cpu"*) exit 3 ;; esac\n'
    )
    timeout.chmod(0o755)
    return {"PATH": f"{timeout.parent}:{os.environ['PATH']}", "OUT": str(tmp_path / "out")}


def test_a_command_that_fails_or_takes_too_long_stops_no_other(machine: dict[str, str]) -> None:
    done = session(*STAGES, **machine, BENCH_SECONDS="1800")
    assert done.returncode == 1
    out = Path(machine["OUT"])
    begun = (out / "begun.log").read_text(encoding="utf-8")
    for script in (*SCRIPTS, "--device cuda", "--device cpu", "--device auto"):
        assert (script.name if isinstance(script, Path) else script) in begun
    said = done.stdout.partition("==== done; what failed")[2]
    failures = [line for line in said.splitlines() if line.startswith(("stacked", "main"))]
    assert [line.partition(" of: ")[0] for line in failures] == ["stacked: exit 124", "main: exit 3"]
    assert (out / "failed.txt").read_text(encoding="utf-8").splitlines() == failures
    for stage in STAGES:
        assert "some output" in (out / f"{stage}.txt").read_text(encoding="utf-8")
    assert "** exit 124 of: " in (out / "stacked.txt").read_text(encoding="utf-8")
    limits = [int(line.split()[1]) for line in begun.splitlines()]
    assert max(limits) <= 350


def test_what_there_is_no_time_left_for_is_named_and_not_begun(machine: dict[str, str]) -> None:
    done = session("look", "main", **machine, BENCH_SECONDS="0")
    assert done.returncode == 1
    out = Path(machine["OUT"])
    assert not (out / "begun.log").exists()
    named = (out / "failed.txt").read_text(encoding="utf-8").splitlines()
    assert len(named) == 4 + 3
    assert all(": no time left for: " in line for line in named)


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The probe, with parts that do nothing on a device that always answers."""
    module = load_script(FOLDER / "probe.py")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(module, "PARTS", dict.fromkeys(("one", "two", "three"), lambda: None))
    monkeypatch.delenv(module.FAILED, raising=False)
    return module


def test_a_part_that_fails_leaves_the_others_and_is_named(
    probe: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe.main(["one", "two"]) == 0
    done: list[str] = []

    def broken() -> None:
        raise ValueError("not on this device")

    monkeypatch.setattr(probe, "PARTS", {"one": broken, "two": lambda: done.append("two")})
    assert probe.main(["one", "two"]) == 1
    assert done == ["two"]
    said = capsys.readouterr()
    assert "parts that failed: one" in said.out
    assert "not on this device" in said.err


def test_a_part_that_loses_the_device_leaves_the_rest_to_a_new_process(
    probe: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Replaced(BaseException):
        """No call after `execve` returns."""

    def lost() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    given: list[tuple[list[str], str]] = []

    def execve(program: str, arguments: list[str], environment: dict[str, str]) -> None:
        given.append((arguments[2:], environment[probe.FAILED]))
        raise Replaced

    monkeypatch.setattr(torch.cuda, "synchronize", lost)
    monkeypatch.setattr(probe, "PARTS", {"one": lost, "two": lost, "three": lost})
    monkeypatch.setattr(os, "execve", execve)
    with pytest.raises(Replaced):
        probe.main(["one", "two", "three"])
    assert given == [(["two", "three"], "one")]
    monkeypatch.setenv(probe.FAILED, "one two")
    assert probe.main(["three"]) == 1  # there is nothing left to do


def test_an_unknown_stage_is_named_and_nothing_is_run() -> None:
    done = session("--dry-run", "look", "probes")
    assert done.returncode == 2
    assert "no such stage: probes; expected look, probe, tests, stacked, cohort or main" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_script_imports_of_bench_is_there(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("bench", "tasks"):
            module = importlib.import_module(str(node.module))
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_the_tests_that_need_a_gpu_are_collected_where_there_is_none() -> None:
    files = [word for word in session("--dry-run", "tests").stdout.split() if word.startswith("tests/bench/")]
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-n", "0", "--collect-only", "-q", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "test_gradients_are_those_of_the_cpu" in done.stdout


@pytest.fixture(scope="module")
def not_deterministic() -> None:
    """As a process is before anything sets it up; a fixture of a test's own comes after this one."""
    torch.backends.cudnn.deterministic = False


@pytest.mark.gpu
def test_tests_that_need_a_gpu_compute_as_workers_do(not_deterministic: None) -> None:
    """They demand the same bits again. This one needs none itself."""
    assert torch.backends.cudnn.deterministic
    assert {name: os.environ.get(name) for name in CUDA_ENVIRONMENT} == CUDA_ENVIRONMENT


def test_the_benchmark_needs_no_more_data_sets_than_bench_keeps_at_once() -> None:
    """Else it would make data while it measures."""
    from gpu_cohort import mixture

    from bench.training.data import load_data

    trainings = mixture(270)
    assert len({(each.task.label, each.replicate) for each in trainings}) <= load_data.cache_info().maxsize
    assert len({each.key() for each in trainings}) == len(trainings)
