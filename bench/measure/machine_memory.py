"""The machine's memory, as a parent of workers sees it (Linux; elsewhere nothing is known, and nothing limited)."""

from __future__ import annotations

import os
import re
from pathlib import Path

GIB = 1 << 30
SHARE = 0.8  # of what is free at the start; the rest is for the parent, the page cache and others
LEAST = 2 * GIB  # a worker's limit is no lower on a machine that has it: many workers, few of them large

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_KILL_COUNTERS = (_CGROUP / "memory.events", _CGROUP / "memory/memory.oom_control", Path("/proc/vmstat"))


def available_bytes() -> int | None:
    """What can still be had, by the whole machine or by the container around this process, whichever is less."""
    found = [_meminfo(), _container()]
    return min((value for value in found if value is not None), default=None)


def worker_limit(workers: int) -> int | None:
    """What one of several workers may hold before it is stopped, so that one alone can't take the machine down."""
    available = available_bytes()
    if available is None:
        return None
    return int(max(SHARE * available / workers, min(LEAST, SHARE * available)))


def resident_bytes(pid: int) -> int:
    """The memory that a process holds; 0 where it is gone or the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def kernel_kills() -> int:
    """How many processes the kernel has killed for want of memory, so far; 0 where it does not count."""
    total = 0
    for path in _KILL_COUNTERS:
        text = _read(path)
        match = re.search(r"^oom_kill (\d+)$", text or "", flags=re.MULTILINE)
        total += int(match[1]) if match else 0
    return total


def _meminfo() -> int | None:
    match = re.search(r"^MemAvailable:\s+(\d+) kB$", _read(_MEMINFO) or "", flags=re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def _container() -> int | None:
    """What the control group leaves: version 2, else version 1; None where it sets no limit."""
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
