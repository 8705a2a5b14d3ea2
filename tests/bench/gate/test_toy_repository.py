"""Somebody else's repository with a cell that torch initialises: recorded here, checked as on another machine.

Minutes, so `-m storm` runs it. Every command is a process of its own, in a copy of tests/toy_repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.gate.baseline_files import read_baseline

ROOT = Path(__file__).parents[3]
TOY = ROOT / "tests" / "toy_repository"
CELL = Path("ci") / "minimal.py"
ELSEWHERE = {
    "ATEN_CPU_CAPABILITY": "default",
    "OPENBLAS_CORETYPE": "Haswell",
}  # instructions and a BLAS of an older CPU

BUGS = {
    "the state before is not gated": ("gate * state], 1", "state], 1"),
    "the state starts at 0.1": ("new_zeros(len(inputs), self.hidden_size)", "new_full((len(inputs), 16), 0.1)"),
    "no gradient beyond one step": ("states.append(state)", "states.append(state)\n            state = state.detach()"),
    "initial weights half as large": ("std=0.2", "std=0.1"),
}
REFACTORINGS = {
    "one multiplication fewer": (
        "state = (1 - gate) * state + gate * candidate",
        "state = state + gate * (candidate - state)",
    ),
    "sums in two parts": (
        "torch.sigmoid(self.gate(torch.cat([now, state], 1)))",
        "torch.sigmoid(nn.functional.linear(state, self.gate.weight[:, now.shape[1] :]) + nn.functional.linear("
        "now, self.gate.weight[:, : now.shape[1]], self.gate.bias))",
    ),
}

pytestmark = pytest.mark.storm


def bench(folder: Path, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("GITHUB_STEP_SUMMARY", *ELSEWHERE)}
    environment |= {"PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "bench", *args]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy") / "repository"
    shutil.copytree(TOY, folder)
    done = bench(folder, "baseline", "record", "ci/baseline", "--config", "ci/experiment.toml", "-q")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def repository(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "repository"))


def change(folder: Path, before: str, after: str) -> None:
    path = folder / CELL
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")


def states(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {cell["id"]: cell for cell in json.loads(done.stdout)["cells"]}


def elsewhere(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return bench(folder, "check", "ci/baseline", "-q", "--format", "json", *args, **ELSEWHERE)


def test_another_machine_raises_no_alarm_and_its_cell_stays_paired(repository: Path) -> None:
    done = elsewhere(repository)
    assert done.returncode == 0, done.stdout + done.stderr
    found = states(done)
    assert set(found) == {"regression/minimal", "regression/numpy_gru"}
    for cell in found.values():
        assert cell["first"]["pairing"] == "paired"
        assert [problem["code"] for problem in cell["problems"] if problem["code"] == "weights"] == []
        assert cell["detectable"] < 1.10
    assert "another environment" in json.loads(done.stdout)["notes"][0]  # so this was one


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_caught_on_another_machine(repository: Path, bug: str) -> None:
    change(repository, *BUGS[bug])
    done = elsewhere(repository, "--quick")
    assert done.returncode == 1, done.stdout + done.stderr
    found = states(done)
    assert (found["regression/minimal"]["state"], found["regression/numpy_gru"]["state"]) == ("changed", "as_good")


@pytest.mark.parametrize("refactoring", REFACTORINGS)
def test_a_refactoring_passes_on_another_machine(repository: Path, refactoring: str) -> None:
    change(repository, *REFACTORINGS[refactoring])
    done = elsewhere(repository, "--quick")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_bug_that_costs_convergence_regressed_and_its_curve_is_shown(repository: Path) -> None:
    change(repository, *BUGS["no gradient beyond one step"])
    done = bench(repository, "check", "ci/baseline", "-q", "--format", "markdown", "--cells", "*/minimal", **ELSEWHERE)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "| regression × minimal | regressed |" in done.stdout
    assert "```text\nmean log10 validation loss: o baseline, x now, # both" in done.stdout


def test_an_accepted_change_keeps_the_cells_and_the_history(repository: Path) -> None:
    before = read_baseline(repository / "ci" / "baseline")
    change(repository, "std=0.2", "std=0.1")
    done = bench(repository, "baseline", "record", "ci/baseline", "--accept", "smaller weights", "-q")
    assert done.returncode == 0, done.stderr
    after = read_baseline(repository / "ci" / "baseline")
    assert after.cells.keys() == before.cells.keys()
    assert after.experiment == before.experiment
    assert [reason.why for reason in after.history] == ["first baseline", "smaller weights"]
    assert elsewhere(repository, "--quick").returncode == 0


@pytest.fixture
def git() -> Callable[..., str]:
    def run(folder: Path, *arguments: str) -> str:
        settings = ("user.name=a", "user.email=a@example.org", "init.defaultBranch=main")
        command = ["git", *(word for setting in settings for word in ("-c", setting)), *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout

    return run


def test_the_actions_check_runs_in_a_fresh_clone(repository: Path, tmp_path: Path, git: Callable[..., str]) -> None:
    """The `run:` block of action.yml that checks, as a runner calls it: in bash, with GitHub's variables."""
    import yaml

    (repository / ".gitignore").write_text("/results/\n")
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "a gate")
    git(tmp_path, "clone", "-q", str(repository), "clone")
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (step,) = [step for step in steps if step.get("id") == "check"]
    summary, temporary = tmp_path / "summary.md", tmp_path / "temporary"
    temporary.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_STEP_SUMMARY": str(summary),
        "BASELINE": "ci/baseline",
        "ARGUMENTS": "--cells */minimal --workers 2",
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    for code, bug in ((0, None), (1, "the state starts at 0.1")):
        if bug:
            change(tmp_path / "clone", *BUGS[bug])
        summary.write_text("")
        done = subprocess.run(
            command, cwd=tmp_path / "clone", env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert summary.read_text().startswith(f"### {'❌' if bug else '✅'} Convergence: 1 cell against ci/baseline")
        report = temporary / "bench-check"
        assert (report / "check.md").read_text() == summary.read_text()
        assert (report / "check" / "records.jsonl").exists()
        assert ("::error title=bench regression/minimal " in done.stdout) is bool(bug)
    assert git(tmp_path / "clone", "status", "--short") == f" M {CELL}\n"
