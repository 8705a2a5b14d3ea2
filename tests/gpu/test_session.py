"""The session on a machine with a GPU, as far as it can be tried without one: what it names and imports exists."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("test_"))


def session(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(FOLDER / "session.sh"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_dry_run_names_every_command_and_files_that_exist() -> None:
    done = session("--dry-run", "look", "probe", "tests", "stacked", "cohort", "main")
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    named = {word for word in words if word.startswith("tests/") and word.endswith(".py")}
    assert {str(path.relative_to(ROOT)) for path in SCRIPTS} <= named
    assert all((ROOT / name).is_file() for name in named)
    for stage in ("look", "probe", "tests", "stacked", "cohort", "main"):
        assert f"==== {stage} (" in done.stdout
    assert "-m pytest -m gpu -n 0 -p no:benchmark" in done.stdout
    assert "bench run --models gru,lstm --device cuda" in done.stdout


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


def test_the_benchmark_needs_no_more_data_sets_than_bench_keeps_at_once() -> None:
    """Else it would make data while it measures."""
    from gpu_cohort import mixture

    from bench.training.data import load_data

    trainings = mixture(270)
    assert len({(each.task.label, each.replicate) for each in trainings}) <= load_data.cache_info().maxsize
    assert len({each.key() for each in trainings}) == len(trainings)
