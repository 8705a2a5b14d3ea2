"""Energy that a GPU has taken, as its driver counts it (NVML, through the extra `energy`). Unknown is None, never 0."""

from __future__ import annotations

import functools
from typing import Any


class EnergyMeter:
    """`joules()` counts up; a difference of two readings is what the whole device took in between, idle power included.

    None on a CPU, without the package `nvidia-ml-py`, without its driver, and on GPUs that keep no count.
    """

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")

    def joules(self) -> float | None:
        """Since the driver was loaded."""
        return _joules(_handle()) if self._cuda else None


def _joules(handle: Any) -> float | None:
    if handle is None:
        return None
    import pynvml

    try:
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3  # the driver counts millijoules
    except pynvml.NVMLError:  # before Volta there is no counter
        return None


@functools.cache
def _handle() -> Any:
    """The driver's handle of the GPU that torch uses in this process; None where it can't be asked."""
    try:
        import pynvml
    except ImportError:
        return None
    import torch

    try:
        pynvml.nvmlInit()
        # by identity: the driver numbers all GPUs, torch only those that CUDA_VISIBLE_DEVICES shows
        uuid = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
        return pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}")
    except pynvml.NVMLError:
        return None
