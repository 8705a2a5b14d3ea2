"""Two trees of a small project of somebody else's, timed in turn. No time is asserted, but which code was timed is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from synthetic import cell, write

import bench
from bench.cli import main
from bench.config.experiment import Experiment
from bench.config.resolve import resolve
from bench.gate.errors import NotComparable
from bench.gate.replicates import CellName
from bench.gate.this_code.two_commits import TwoTrees
from tasks.registry import TASKS

TOY = Path(__file__).parents[3] / "plugins" / "toy.py"
CELL = CellName("toy", "linear")
SETTINGS = {
    "tasks": ["toy"],
    "models": ["linear"],
    "match": ["hidden"],
    "hidden_sizes": [4],
    "layers": [1],
    "lr_range": [0.1, 0.1],
    "plugins": ["cells/mine.py"],
}


def git(*arguments: str) -> str:
    settings = ("user.name=a", "user.email=a@example.org", "init.defaultBranch=main")
    command = ["git", *(word for setting in settings for word in ("-c", setting)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two commits, `early` and `first`, and a changed plug-in; it tells in `loaded.txt` who it is."""
    checkout = tmp_path / "checkout"
    (checkout / "cells").mkdir(parents=True)
    monkeypatch.chdir(checkout)
    git("init", "-q")
    (checkout / "README").write_text("nothing yet\n")
    git("add", "-A")
    git("commit", "-q", "-m", "nothing yet")
    git("tag", "early")
    tell = f"\nwith open({str(tmp_path / 'loaded.txt')!r}, 'a') as file:\n    file.write(__file__ + ' VERSION\\n')\n"
    plugin = checkout / "cells" / "mine.py"
    shutil.copy(TOY, plugin)
    plugin.write_text(plugin.read_text() + tell.replace("VERSION", "committed"))
    git("add", "-A")
    git("commit", "-q", "-m", "a cell")
    git("tag", "first")
    plugin.write_text(plugin.read_text().replace("committed", "changed"))
    return checkout


@pytest.fixture
def experiment(project: Path, toy_plugin: str) -> Experiment:
    """The toy experiment; its plug-in is not loaded here, where toy.py's own task of that name is."""
    assert "toy" in TASKS.entries()
    made = resolve({**SETTINGS, "plugins": [toy_plugin], "name": "check"})
    options = made.options.__class__(**{**vars(made.options), "plugins": ("cells/mine.py",)})
    return Experiment(made.name, options, made.tasks, made.models)


@pytest.mark.slow
def test_each_code_is_timed_in_its_own_tree(project: Path, experiment: Experiment) -> None:
    notes: list[str] = []
    with TwoTrees("first", experiment, notes.append) as watch:
        times = watch.time([CELL], 4)
    assert watch.commit == git("rev-parse", "first")[:12]
    assert [len(side) for side in times[CELL]] == [4, 4]
    assert min(*times[CELL].before, *times[CELL].now) > 0
    assert notes == ["timed 4 of 4 rounds of 1 cell in both versions"]
    loaded = dict(reversed(line.split()) for line in (project.parent / "loaded.txt").read_text().splitlines())
    assert Path(loaded["changed"]) == project / "cells" / "mine.py"
    assert not Path(loaded["committed"]).is_relative_to(project)
    assert not Path(loaded["committed"]).exists()  # the tree was a temporary one


@pytest.mark.slow
def test_a_commit_whose_code_lacks_the_cells_cannot_be_timed(experiment: Experiment) -> None:
    expected = r"^commit \w{12} cannot be timed .*cells/mine.py does not exist.*later commit$"
    with pytest.raises(NotComparable, match=expected), TwoTrees("early", experiment, print) as watch:
        watch.time([CELL], 1)


@pytest.mark.slow
def test_another_bench_than_the_trees_own_is_refused(
    project: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where this code is a checkout's, and the commit has no such package."""
    monkeypatch.setattr(bench, "__file__", str(project / "bench" / "__init__.py"))
    with pytest.raises(NotComparable, match="Python imports bench from"), TwoTrees("first", experiment, print) as watch:
        watch.time([CELL], 1)


@pytest.mark.parametrize("commit", ["nowhere", "--all", "first:cells"])
def test_an_unknown_commit(experiment: Experiment, commit: str) -> None:
    with pytest.raises(
        NotComparable, match=f"there is no commit '{commit}' here; a workflow has it with fetch-depth: 0"
    ):
        TwoTrees(commit, experiment, print)


def test_a_commit_without_files(experiment: Experiment) -> None:
    git("rm", "-q", "-r", "--cached", ".")
    git("commit", "-q", "-m", "nothing left")
    with pytest.raises(NotComparable, match=r"^commit \w{12} has no files"), TwoTrees("HEAD", experiment, print):
        pass


def test_no_checkout(experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(NotComparable, match="not in a git checkout"):
        TwoTrees("first", experiment, print)


def test_a_folder_that_the_commit_does_not_have(
    experiment: Experiment, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "later").mkdir()
    monkeypatch.chdir(project / "later")
    with (
        pytest.raises(NotComparable, match="cannot be timed: it has no folder later"),
        TwoTrees("first", experiment, print) as watch,
    ):
        watch.time([CELL], 1)


@pytest.mark.slow
def test_the_command_prints_a_ratio(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.gate.speed.ROUNDS", 2)
    settings = {**SETTINGS, "tasks": ["sine"], "models": ["numpy_gru"], "plugins": []}
    write(project / "baseline", [cell("sine", "numpy_gru")], experiment=settings)
    done = CliRunner().invoke(main, ["check", "baseline", "--gate-time", "first"])
    assert done.exit_code in (0, 1)  # the same code, but two timings prove nothing
    assert re.search(r"^sine × numpy_gru .* [µm]?s +[+-]\d+\.\d %  [+-].* % to [+-].* %$", done.stdout, re.MULTILINE)
    assert "only the time of a training step was compared, not convergence" in done.stdout
    assert not (project / "results").exists()


def test_the_command_says_why_it_cannot(project: Path) -> None:
    settings = {**SETTINGS, "tasks": ["sine"], "models": ["gru"], "plugins": []}
    write(project / "baseline", [cell("sine", "gru")], experiment=settings)
    done = CliRunner().invoke(main, ["check", "baseline", "--gate-time", "nowhere"])
    assert done.exit_code == 3
    assert done.stdout.startswith("not comparable: there is no commit 'nowhere' here")
