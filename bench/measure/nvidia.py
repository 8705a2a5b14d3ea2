"""What the NVIDIA driver tells of itself and of the GPU in use. Unknown is None.

Most is asked through NVML (package `nvidia-ml-py`, the extra `energy`).
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

VERSION_FILE = Path("/proc/driver/nvidia/version")  # on Linux, where the kernel module is loaded


@functools.cache
def gpu_handle() -> Any:
    """NVML's handle of the GPU that torch uses in this process; None without NVML, driver or GPU."""
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


def driver_version() -> str | None:
    """The version of the kernel's driver, such as "580.65.06"."""
    if VERSION_FILE.is_file():
        match = re.search(r"^NVRM version:.*?\s(\d{3,}(?:\.\d+)+)", VERSION_FILE.read_text(), flags=re.MULTILINE)
        if match:
            return match[1]
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
    except pynvml.NVMLError:
        return None
    return version.decode() if isinstance(version, bytes) else str(version)


def clock_mhz() -> int | None:
    """The present clock of the GPU's multiprocessors, in MHz."""
    handle = gpu_handle()
    if handle is None:
        return None
    import pynvml

    try:
        return int(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM))
    except pynvml.NVMLError:
        return None
