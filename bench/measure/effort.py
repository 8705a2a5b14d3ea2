"""What a training takes: processor time, peak memory, energy. Unknown is None, never 0."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from types import TracebackType

from bench.measure.energy import EnergyMeter
from bench.measure.memory import PeakMemory


class Effort(ABC):
    """`with effort: …` around a training; then it knows what that took."""

    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    energy_joules: float | None = None  # of the GPU

    @abstractmethod
    def __enter__(self) -> Effort: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SoleEffort(Effort):
    """Of a training that has the process for itself, on a GPU the device too: all that either takes meanwhile."""

    def __init__(self, device: str) -> None:
        self._memory, self._energy = PeakMemory(device), EnergyMeter(device)

    def __enter__(self) -> SoleEffort:
        self._cpu, self._joules = time.process_time(), self._energy.joules()
        self._memory.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.__exit__(kind, error, trace)
        self.cpu_seconds, self.peak_bytes = time.process_time() - self._cpu, self._memory.peak_bytes
        joules = self._energy.joules()
        if joules is not None and self._joules is not None:
            self.energy_joules = joules - self._joules
