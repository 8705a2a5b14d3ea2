"""Peak memory is that of the block alone, and None where the system does not tell."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.measure import memory
from bench.measure.memory import PeakMemory, SharedPeakMemory

MEGABYTE = 2**20


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="this kernel keeps no peak to reset")
def test_the_peak_of_a_block_counts_what_it_freed_and_not_what_came_before() -> None:
    before = np.ones(200 * MEGABYTE, dtype=np.uint8)
    del before
    with PeakMemory("cpu") as idle:
        pass
    with PeakMemory("cpu") as busy:
        block = np.ones(100 * MEGABYTE, dtype=np.uint8)
        del block
    with PeakMemory("cpu") as after:
        pass
    assert idle.peak_bytes is not None
    assert busy.peak_bytes is not None
    assert after.peak_bytes is not None
    assert 95 * MEGABYTE < busy.peak_bytes - idle.peak_bytes < 110 * MEGABYTE
    assert after.peak_bytes < busy.peak_bytes - 90 * MEGABYTE


def test_no_peak_is_claimed_where_it_cannot_be_reset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PROC", tmp_path / "absent")
    with PeakMemory("cpu") as unknown:
        pass
    assert unknown.peak_bytes is None


def test_no_peak_is_claimed_where_the_status_lacks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "status").write_text("Name:\tpython\n")
    monkeypatch.setattr(memory, "PROC", tmp_path)
    with PeakMemory("cpu") as unknown:
        pass
    assert unknown.peak_bytes is None
    assert (tmp_path / "clear_refs").read_text() == "5"


def test_kilobytes_of_the_status_become_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "status").write_text("VmPeak:\t  9999 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 999 kB\n")
    monkeypatch.setattr(memory, "PROC", tmp_path)
    with PeakMemory("cpu") as known:
        pass
    assert known.peak_bytes == 1234 * 1024


class Allocator:
    """torch's own, as it tells what it has handed out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.current = self.peak = 0
        monkeypatch.setattr(torch.cuda, "memory_stats_as_nested_dict", lambda device: self.stats())
        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: self.reset())

    def stats(self) -> dict[str, dict[str, dict[str, int]]]:
        return {"allocated_bytes": {"all": {"current": self.current, "peak": self.peak}}}

    def reset(self) -> None:
        self.peak = self.current

    def hand_out(self, count: int) -> None:
        self.current += count
        self.peak = max(self.peak, self.current)


def test_of_several_on_one_gpu_each_knows_its_own_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    allocator = Allocator(monkeypatch)
    allocator.hand_out(1000)  # somebody else's
    one, other = SharedPeakMemory("cuda"), SharedPeakMemory("cuda")
    for member, counts in [(one, (50, -20)), (other, (500, -100)), (one, (30, -10)), (other, (40, -440))]:
        member.begin()
        for count in counts:
            allocator.hand_out(count)
        member.end()
    assert one.peak_bytes == 60  # 30 kept from its first turn, and 30 more
    assert other.peak_bytes == 500
    assert allocator.current == 1050
    on_cpu = SharedPeakMemory("cpu")
    on_cpu.begin()
    on_cpu.end()
    assert on_cpu.peak_bytes is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_allocator_tells() -> None:
    with PeakMemory("cuda") as busy:
        block = torch.ones(64 * MEGABYTE, dtype=torch.uint8, device="cuda")
        del block
    assert busy.peak_bytes is not None
    assert busy.peak_bytes >= 64 * MEGABYTE
