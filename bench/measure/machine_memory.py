"""The memory of the machine and of single processes, as the parent of workers needs it to limit them."""

from __future__ import annotations

import re
from pathlib import Path

import psutil

GIB = 1 << 30
SHARE = 0.8  # of the free memory at the start; the rest is for the parent, the page cache and other programs
LEAST = 2 * GIB  # the lowest limit of a worker, if the machine has that much: few of many workers are large at once

_CGROUP = Path("/sys/fs/cgroup")
_KILL_COUNTERS = (_CGROUP / "memory.events", _CGROUP / "memory/memory.oom_control", Path("/proc/vmstat"))


def available_bytes() -> int:
    """Memory that can still be allocated, by the machine or by the container of this process, whichever is less.

    psutil knows the machine's on every system, but not the limit of a container (a Linux control group).
    """
    machine = int(psutil.virtual_memory().available)
    container = _container()
    return machine if container is None else min(machine, container)


def worker_limit(workers: int) -> int:
    """Bytes that one of several workers may hold before it is stopped, so that one alone cannot exhaust the machine."""
    available = available_bytes()
    return int(max(SHARE * available / workers, min(LEAST, SHARE * available)))


def resident_bytes(pid: int) -> int:
    """The resident memory of a process; 0 if it has ended or belongs to another user."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def kernel_kills() -> int:
    """How many processes the kernel has killed so far for lack of memory; 0 where it does not count (not Linux)."""
    total = 0
    for path in _KILL_COUNTERS:
        text = _read(path)
        match = re.search(r"^oom_kill (\d+)$", text or "", flags=re.MULTILINE)
        total += int(match[1]) if match else 0
    return total


def _container() -> int | None:
    """Memory left by the control group, version 2 or else version 1; None if it sets no limit."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        values = [_read(_CGROUP / limit), _read(_CGROUP / used)]
        numbers = [int(text) for text in values if text is not None and text.strip().isdigit()]
        if len(numbers) == 2:
            return max(numbers[0] - numbers[1], 0)
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
