"""The machine's memory as the parent of workers sees it."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from bench.measure import machine_memory
from bench.measure.machine_memory import GIB


def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available: int, **control_group: str) -> None:
    """A machine with so many bytes available, within a container if `control_group` has its files."""
    for name, text in control_group.items():
        (tmp_path / name.replace("_", ".", 1)).write_text(text)
    monkeypatch.setattr(machine_memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=available))
    monkeypatch.setattr(machine_memory, "_CGROUP", tmp_path)


def test_the_whole_machine_is_free_where_nothing_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, monkeypatch, 16 * GIB)
    assert machine_memory.available_bytes() == 16 * GIB
    pretend(tmp_path, monkeypatch, 16 * GIB, memory_max="max\n", memory_current="5\n")
    assert machine_memory.available_bytes() == 16 * GIB


def test_a_container_may_leave_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, monkeypatch, 16 * GIB, memory_max=f"{4 * GIB}\n", memory_current=f"{GIB}\n")
    assert machine_memory.available_bytes() == 3 * GIB


@pytest.mark.parametrize(("workers", "expected_gib"), [(1, 12.8), (2, 6.4), (4, 3.2), (64, 2.0)])
def test_workers_share_what_is_free_but_a_few_may_be_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, expected_gib: float
) -> None:
    pretend(tmp_path, monkeypatch, 16 * GIB)
    assert machine_memory.worker_limit(workers) == pytest.approx(expected_gib * GIB, abs=2)


def test_a_small_machine_is_never_promised_more_than_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, monkeypatch, GIB)
    assert machine_memory.worker_limit(8) == pytest.approx(0.8 * GIB, abs=2)


def test_the_real_machine_has_memory_and_no_more_than_it_says() -> None:
    assert 0 < machine_memory.available_bytes() <= psutil.virtual_memory().total


def test_a_process_is_measured_while_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    before = machine_memory.resident_bytes(os.getpid())
    block = np.ones(100 << 20, dtype=np.uint8)
    assert machine_memory.resident_bytes(os.getpid()) - before > 90 << 20
    assert block.all()
    assert machine_memory.resident_bytes(2**22 + 1) == 0

    def refuse(pid: int) -> None:
        raise psutil.AccessDenied(pid)

    monkeypatch.setattr(machine_memory.psutil, "Process", refuse)
    assert machine_memory.resident_bytes(1) == 0


def test_kills_by_the_kernel_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").write_text("low 0\noom 3\noom_kill 2\n")
    (tmp_path / "two").write_text("pgfault 9\noom_kill 5\n")
    monkeypatch.setattr(machine_memory, "_KILL_COUNTERS", (tmp_path / "one", tmp_path / "two", tmp_path / "absent"))
    assert machine_memory.kernel_kills() == 7
