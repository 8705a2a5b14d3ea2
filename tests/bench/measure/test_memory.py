"""Peak memory is that of the block alone, and None where the system does not tell."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.measure import memory
from bench.measure.memory import PeakMemory

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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_allocator_tells() -> None:
    with PeakMemory("cuda") as busy:
        block = torch.ones(64 * MEGABYTE, dtype=torch.uint8, device="cuda")
        del block
    assert busy.peak_bytes is not None
    assert busy.peak_bytes >= 64 * MEGABYTE
