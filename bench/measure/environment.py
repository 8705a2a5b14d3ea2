"""What a measurement was made with: versions, processor, GPU, kernels, threads. No names of people, hosts, folders."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.measure.nvidia import driver_version

PACKAGES = ("torch", "numpy", "scipy", "pandas", "optuna")
# settings of glibc's and other allocators: they change times and memory, not numbers
ALLOCATOR_VARIABLES = (
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_ARENA_MAX",
    "GLIBC_TUNABLES",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
)
# settings that choose kernels, and so last bits; in the fingerprint where any is set
KERNEL_VARIABLES = (
    "OPENBLAS_CORETYPE",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
)
# settings that choose kernels on a GPU; in the fingerprint, with the driver's version, where torch uses one
GPU_VARIABLES = ("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE")
TORCH = ("isa", "onednn", "threads", "gpu", "cuda", "cudnn", "cudnn_deterministic", "driver", "gpu_settings")
# where any of these differs, the same seed may give other numbers
NUMERIC = ("python", "packages", "machine", "cpu", "isa", "numpy_blas", "onednn", "threads", "gpu", "cuda", "cudnn")


def describe(*, uses_torch: bool = True) -> dict[str, Any]:
    """The environment of this process, JSON-able. What is unknown or absent is None.

    uses_torch: whether what is measured here does; if not, its kernels, its GPU and its version are None.
    """
    of_torch = _torch() if uses_torch else {**dict.fromkeys(TORCH), "threads": _blas_threads()}
    return {
        "python": platform.python_version(),
        "packages": {name: _package_version(name) for name in PACKAGES if uses_torch or name != "torch"},
        "os": _operating_system(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cores": _usable_cores(),
        "numpy_blas": _numpy_blas(),
        **of_torch,
        "allocator": {name: os.environ[name] for name in ALLOCATOR_VARIABLES if name in os.environ},
        "kernels": {name: os.environ[name] for name in KERNEL_VARIABLES if name in os.environ},
        "commit": _commit(Path(__file__).resolve().parents[2]),
    }


def fingerprint(environment: Mapping[str, Any]) -> str:
    """12 hexadecimal digits of SHA-256 over what can change numbers: equal where they should agree.

    `NUMERIC`, "kernels" where any such variable was set, and with a GPU its driver's version and settings.
    """
    relevant = {key: environment.get(key) for key in NUMERIC}
    if environment.get("gpu"):
        relevant |= {key: environment.get(key) for key in ("driver", "gpu_settings")}
    if environment.get("kernels"):
        relevant["kernels"] = environment["kernels"]
    text = json.dumps(relevant, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _torch() -> dict[str, Any]:
    """What torch has to say: `TORCH`."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "isa": torch.backends.cpu.get_cpu_capability(),
        "onednn": bool(torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled),  # type: ignore[no-untyped-call]
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "cuda": torch.version.cuda if gpu else None,
        "cudnn": torch.backends.cudnn.version() if gpu else None,  # type: ignore[no-untyped-call]
        "cudnn_deterministic": bool(torch.backends.cudnn.deterministic) if gpu else None,
        "driver": driver_version() if gpu else None,
        "gpu_settings": {name: os.environ[name] for name in GPU_VARIABLES if name in os.environ} if gpu else None,
    }


def _blas_threads() -> int | None:
    """Threads of the library behind NumPy's matrix products."""
    from threadpoolctl import threadpool_info

    return max((library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"), default=None)


def _operating_system() -> str:
    """The system and the numbers of its release; what follows them names a build or a host."""
    release = re.match(r"[\d.]*", platform.release())
    return f"{platform.system()} {release[0] if release else ''}".strip()


def _package_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _usable_cores() -> int | None:
    """Cores that this process may run on: fewer than the machine has where it is confined."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _cpu_model() -> str | None:
    """The processor's own name where Linux tells it, else what Python knows."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), flags=re.MULTILINE)
        if match:
            return match[1].strip()
    return platform.processor() or None


def _numpy_blas() -> str | None:
    """Name and version of the library behind NumPy's matrix products (its build folders stay out)."""
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas.get('name', 'unknown')} {blas.get('version', 'unknown')}"


def _commit(root: Path) -> str | None:
    """The commit of the code, `+changes` appended where files differ from it; None outside a checkout of it."""
    if not (root / ".git").exists():  # installed, perhaps inside somebody else's checkout
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "bench", "tasks")
    except (OSError, subprocess.CalledProcessError):  # no git here, or no commit yet
        return None
    return f"{commit}+changes" if changed else commit


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
