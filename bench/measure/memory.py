"""The peak memory of a block of work: of the process on a CPU, of the allocator on a GPU. Unknown is None, never 0.

On a CPU it is read from Linux's /proc: psutil cannot reset the peak resident set, so it cannot tell one training's peak
from an earlier one's.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType

PROC = Path("/proc/self")
RESET_PEAK = "5"  # proc(5): writing 5 to clear_refs resets the peak resident set size to the present one


class PeakMemory:
    """`with PeakMemory("cpu") as memory: …`, then `memory.peak_bytes`.

    cpu: the largest resident set of the whole process (interpreter and libraries included) within the block, on
    Linux; None elsewhere. cuda: the most bytes allocated by torch, this process's other tensors included.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self.peak_bytes: int | None = None

    def __enter__(self) -> PeakMemory:
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.init()  # type: ignore[no-untyped-call] # before the first use of the GPU there are no statistics to reset
            torch.cuda.reset_peak_memory_stats(self._device)
            self._known = True
        else:
            self._known = _reset_process_peak()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._device.startswith("cuda"):
            import torch

            self.peak_bytes = int(torch.cuda.max_memory_allocated(self._device))
        elif self._known:
            self.peak_bytes = _process_peak()


class SharedPeakMemory:
    """The peak memory of one of several trainings that alternate on a GPU: `begin` and `end` enclose each of its turns.

    peak_bytes: the most bytes that torch had allocated for this training; None on a CPU, where pages of memory have no
    owner within a process.
    """

    def __init__(self, device: str) -> None:
        self._device = device if device.startswith("cuda") else None
        self._held = self._before = 0
        self.peak_bytes: int | None = None

    def begin(self) -> None:
        """Attribute allocations to this training from now on."""
        if self._device is not None:
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
            self._before = self._allocated("current")

    def end(self) -> None:
        """Stop attributing allocations to this training. A second call without `begin` extends the turn."""
        if self._device is not None:
            peak = self._held + self._allocated("peak") - self._before
            self.peak_bytes = max(self.peak_bytes or 0, peak)
            now = self._allocated("current")
            self._held, self._before = self._held + now - self._before, now

    def _allocated(self, which: str) -> int:
        import torch

        # `memory_allocated` would sort some hundred numbers first
        return int(torch.cuda.memory_stats_as_nested_dict(self._device)["allocated_bytes"]["all"][which])


def _reset_process_peak() -> bool:
    """Reset the peak; False on other systems and in some containers, where no peak can be reported."""
    try:
        (PROC / "clear_refs").write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def _process_peak() -> int | None:
    match = re.search(r"^VmHWM:\s+(\d+) kB$", (PROC / "status").read_text(), flags=re.MULTILINE)
    return int(match[1]) * 1024 if match else None
