"""A disk that is full or read-only leads to a clean stop with one line, and no damaged record."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Run, command, outcomes, records

from bench.experiment.cell import TIMING_ROUNDS
from bench.records.jsonl import RecordFile, read_records
from bench.records.schema import SCHEMA
from tasks.errors import UserError


class Disk:
    """A disk with few free bytes: when it is full, a short write succeeds, as on a real disk; then errors follow."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
        self.path, self.free = path, 1 << 60
        self._write = os.write
        monkeypatch.setattr("bench.records.jsonl.os.write", self.write)

    def write(self, descriptor: int, data: bytes) -> int:
        if not self.path.exists() or not os.path.samestat(os.fstat(descriptor), self.path.stat()):
            return self._write(descriptor, data)
        if self.free == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._write(descriptor, data[: self.free])
        self.free -= written
        return written


@pytest.mark.parametrize("free", [0, 1, 500, 3000, 9000, 10_000])
def test_a_full_disk_stops_the_run_and_the_rest_is_done_when_there_is_room(
    experiment: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    path = folder / "results/e/records.jsonl"
    disk = Disk(monkeypatch, path)
    disk.free = free
    with pytest.raises(UserError, match=r"No space left on device, [\d,]+ bytes are free there"):
        experiment()
    kept = path.read_bytes()
    assert len(kept) <= free
    assert kept == b"" or kept.endswith(b"\n")
    disk.free = 1 << 60
    experiment()
    assert path.read_bytes().startswith(kept)
    found = outcomes(records(folder))
    experiment(name="undisturbed", fresh=True)
    assert found.keys() == outcomes(records(folder, "undisturbed")).keys()


def test_the_operating_system_itself_refusing_is_one_line_and_exit_code_2(folder: Path, toy_plugin: str) -> None:
    """A limit on the size of files, which the kernel enforces in the command line's own process."""
    limited = [
        "bash",
        "-c",
        'ulimit -f 64; exec "$@"',
        "-",
        *command("--models", "linear", "--workers", "1", "--seeds", "30"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(limited, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: results/e/records.jsonl can't be written: File too large")
    assert "Traceback" not in done.stderr
    content = (folder / "results/e/records.jsonl").read_bytes()
    assert len(records(folder)) == content.count(b"\n")


def test_a_folder_that_may_not_be_written_is_refused_before_anything_is_trained(
    experiment: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *arguments: object, **settings: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write anywhere, so permissions can't be used
    with pytest.raises(UserError, match=r"results/e can't be written: Read-only file system. Choose another --results"):
        experiment()
    assert list(folder.iterdir()) == []


def test_a_failing_sync_takes_the_record_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RecordFile(tmp_path / "records.jsonl")
    first = {"schema": SCHEMA, "key": "1", "stage": "search"}
    file.append(first)

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("bench.records.jsonl.os.fsync", fail)
    with pytest.raises(UserError, match="Input/output error"):
        file.append({**first, "key": "2"})
    monkeypatch.undo()
    assert file.read() == [first]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system, if this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place]).returncode:
        pytest.skip("mounting needs a root that may")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_real_file_system_that_is_full_and_then_read_only(experiment: Run, small_disk: Path) -> None:
    made = {"results": str(small_disk / "results"), "replicates": 12}
    with pytest.raises((UserError, OSError), match="No space left on device"):
        experiment(**made)
    path = small_disk / "results/e/records.jsonl"
    kept = path.read_bytes()
    assert kept.endswith(b"\n")
    assert len(list(read_records(path))) == kept.count(b"\n")
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    experiment(**made)
    assert path.read_bytes().startswith(kept)
    assert len(outcomes(list(read_records(path)))) == 24 + 24 + 12 + TIMING_ROUNDS  # references, trials, examinations
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(UserError, match=r"can't be written: Read-only file system\. Choose another --results"):
        experiment(**made, retry_failed=True)
    assert experiment(**made).unchanged
