"""A publication that is interrupted: what was there can be read, or is put back, and the next one is whole."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

import bench
from bench.cli import main
from bench.records import manifest
from bench.records.doctor import diagnose
from tasks.errors import UserError

OPERATIONS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.copyfile"}


def publish_until(operation: int, arguments: list[str], folder: str) -> None:
    """`bench publish`, killed before its n-th operation (0: the first) on files of a folder."""
    left = operation

    def look(event: str, args: tuple[object, ...]) -> None:
        nonlocal left
        if event not in OPERATIONS or not str(args[0]).startswith(folder):
            return
        if event == "open" and not int(str(args[2])) & (os.O_WRONLY | os.O_RDWR):
            return
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    sys.addaudithook(look)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        main(arguments)


def arguments(results: Path, name: str, folder: Path, *more: str) -> list[str]:
    return ["publish", name, "--results", str(results), "--to", str(folder), *more]


def tasks_of(folder: Path) -> list[str] | None:
    """The tasks of a publication; None where it is refused."""
    try:
        return bench.load(str(folder)).tasks
    except UserError:
        return None


@pytest.fixture
def results(synthetic: ModuleType, tmp_path: Path) -> Path:
    """Two experiments that can be published together."""
    for name, task in (("old", "sine"), ("new", "copy")):
        records = synthetic.experiment((task,), ("gru", "lstm"), seeds=7, trials=2, protocol=2)
        synthetic.write(tmp_path / "results", name, records, comparisons=["tuned"])
    return tmp_path / "results"


def publish(results: Path, name: str, folder: Path, *more: str) -> Result:
    return CliRunner().invoke(main, arguments(results, name, folder, *more))


@pytest.fixture
def folder(results: Path, tmp_path: Path) -> Path:
    """A publication of the older experiment."""
    done = publish(results, "old", tmp_path / "study")
    assert done.exit_code == 0, done.output
    return tmp_path / "study"


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


def test_what_a_kill_left_before_the_first_rename_is_removed(results: Path, folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    (folder / ".pairs.csv.17299.tmp").write_bytes(b"half")
    (folder / ".new.17299.tmp").mkdir()
    assert publish(results, "new", folder).exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == names


def test_an_error_before_the_first_rename_leaves_the_earlier_publication(
    results: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_of(folder)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(manifest, "write", full)
    assert publish(results, "new", folder).exit_code != 0
    assert files_of(folder) == before


@pytest.mark.parametrize("before", ["old", None])
def test_an_error_between_two_renames_puts_back_what_was_there(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    folder = tmp_path / "study"
    if before:
        assert publish(results, before, folder).exit_code == 0
    files, replace, moved = files_of(folder) if before else {}, Path.replace, []

    def once(path: Path, target: Path) -> Path:
        if path.parent.name.startswith(".new.") and moved.append(path.name) is None and len(moved) == 3:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(target))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", once)
    assert publish(results, "new", folder).exit_code != 0
    assert len(moved) == 3
    assert files_of(folder) == files
    assert [path.name for path in folder.iterdir() if path.is_dir()] == []
    assert publish(results, "new", folder).exit_code == 0
    assert tasks_of(folder) == ["copy"]


def test_a_kill_between_two_renames_is_undone_by_the_next_publication(
    results: Path, folder: Path, tmp_path: Path
) -> None:
    """As `replaced_together` leaves it: the copies of what was there, and the new files that had no turn."""
    assert publish(results, "new", folder, "--add").exit_code == 0
    whole = files_of(folder)
    assert publish(results, "old", tmp_path / "again" / "study").exit_code == 0
    left = folder / ".new.77777.tmp"
    (left / "before").mkdir(parents=True)
    before = files_of(tmp_path / "again" / "study")
    for name, content in before.items():
        (left / "before" / name).write_bytes(content)
    (left / "experiment.json").write_bytes(whole["experiment.json"])
    (folder / "experiment.json").write_bytes(before["experiment.json"])
    done = CliRunner().invoke(main, ["report", str(folder)])
    assert (done.exit_code, len(done.output.splitlines())) == (2, 1)
    assert "was not published to the end: publish into it again" in done.output
    done = publish(results, "new", folder, "--add")
    assert done.exit_code == 0, done.output
    assert files_of(folder) == whole
    assert not left.exists()


def test_a_kill_after_the_last_rename_undoes_nothing(results: Path, folder: Path) -> None:
    left = folder / ".new.77777.tmp"
    (left / "before").mkdir(parents=True)
    (left / "before" / "pairs.csv").write_text("old")
    assert publish(results, "new", folder, "--add").exit_code == 0
    assert tasks_of(folder) == ["sine", "copy"]
    assert not left.exists()


@pytest.mark.storm
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a fork server is needed")
@pytest.mark.parametrize(
    ("before", "more", "whole"),
    [(None, (), ["copy"]), ("old", (), ["copy"]), ("old", ("--add",), ["sine", "copy"])],
    ids=["a first one", "in place of another", "added to another"],
)
def test_a_kill_at_any_file_operation(
    results: Path, tmp_path: Path, before: str | None, more: tuple[str, ...], whole: list[str]
) -> None:
    start = start_of_children()
    killed, notices = 0, 0
    for operation in range(1000):
        folder = tmp_path / "study"
        shutil.rmtree(folder, ignore_errors=True)
        if before:
            assert publish(results, before, folder).exit_code == 0
        if start(operation, arguments(results, "new", folder, *more), str(folder)) == 0:
            break
        killed += 1
        there = tasks_of(folder)
        assert there in ([["sine"], whole, None] if before else [whole, None]), operation
        notices += there is None
        done = publish(results, "new", folder, *more)
        assert done.exit_code == 0 or there == whole, (operation, done.output)  # what was added is not added twice
        assert tasks_of(folder) == whole, operation
        assert diagnose(str(folder)).is_sound, operation
    assert killed > 10
    assert notices < killed if before else notices > 0


def start_of_children() -> Callable[[int, list[str], str], int]:
    """Call `publish_until` in a process of its own, which has imported everything; returns its exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.cli", "bench.analysis.publish", "bench.analysis.results", __name__])

    def call(operation: int, arguments: list[str], folder: str) -> int:
        child = context.Process(target=publish_until, args=(operation, arguments, folder))
        child.start()
        child.join(60)
        assert child.exitcode in (0, -signal.SIGKILL), child.exitcode
        return child.exitcode

    return call
