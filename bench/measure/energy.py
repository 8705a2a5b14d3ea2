"""Energy that a GPU has taken, as its driver counts it (NVML, through the extra `energy`). Unknown is None, never 0."""

from __future__ import annotations

from typing import Any

from bench.measure.nvidia import gpu_handle


class EnergyMeter:
    """`joules()` counts up; a difference of two readings is what the whole device took in between, idle power included.

    None on a CPU, without the package `nvidia-ml-py`, without its driver, and on GPUs that keep no count.
    """

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")

    def joules(self) -> float | None:
        """Since the driver was loaded."""
        return _joules(gpu_handle()) if self._cuda else None


def _joules(handle: Any) -> float | None:
    if handle is None:
        return None
    import pynvml

    try:
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3  # the driver counts millijoules
    except pynvml.NVMLError:  # before Volta there is no counter
        return None
