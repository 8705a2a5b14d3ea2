"""Processor time, peak memory and energy that a training takes. Unknown is None, never 0."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from bench.measure.energy import EnergyMeter
from bench.measure.memory import PeakMemory, SharedPeakMemory


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
    """The effort of a training that has its process, and on a GPU the device, for itself."""

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


class SharedEffort(Effort):
    """The effort of a training that takes turns with others: `with effort.turn():` around each of its turns.

    Processor time is the process's during these turns, so what another thread does then for any member is in it.
    """

    def __init__(self, device: str, joules: Callable[[], float | None]) -> None:
        """joules: counts up a member's share of the energy that the device takes."""
        self._memory, self._count = SharedPeakMemory(device), joules
        self.cpu_seconds = 0.0
        self.watches_memory = True  # False: peak_bytes is known, and to ask the allocator in each turn would cost time

    def __enter__(self) -> SharedEffort:
        self._joules = self._count()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_turn()
        joules = self._count()
        if joules is not None and self._joules is not None:
            self.energy_joules = joules - self._joules

    @contextmanager
    def turn(self) -> Iterator[None]:
        """What happens inside is this training's."""
        self._cpu = time.process_time()
        if self.watches_memory:
            self._memory.begin()
        try:
            yield
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        now = time.process_time()
        self.cpu_seconds, self._cpu = (self.cpu_seconds or 0.0) + now - self._cpu, now
        if self.watches_memory:
            self._memory.end()
            self.peak_bytes = self._memory.peak_bytes
