"""Which device to train on, and why: measured, because a GPU is often the slower choice for small recurrent nets."""

from __future__ import annotations

import os
from collections.abc import Callable

from bench.measure.nvidia import driver_version
from bench.models.contract import Model
from tasks.errors import UserError, unknown

REQUESTS = ("auto", "cpu", "cuda")
OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}  # by CUDA's major version (NVIDIA, CUDA Compatibility, minor versions)


def gpu_available() -> bool:
    """Whether torch can use a GPU here."""
    import torch

    return bool(torch.cuda.is_available())


def why_no_gpu() -> str:
    """The end of the sentence "torch finds no GPU": what is too old or missing, or "here" where nobody knows."""
    import torch

    cuda, driver = torch.version.cuda, driver_version()
    if cuda is None:
        return f" here: torch {torch.__version__} is built without CUDA"
    if driver is None:
        return " here"
    needed = OLDEST_DRIVER.get(int(cuda.partition(".")[0]))
    major = int(driver.partition(".")[0])
    if needed is not None and major < needed:
        return f": driver {major} is older than CUDA {cuda.partition('.')[0]} needs ({needed})"
    return f" here, though driver {driver} is loaded"


def choose_device(
    requested: str,
    measure: Callable[[str], tuple[float, str]],
    *,
    available: Callable[[], bool] = gpu_available,
    why: Callable[[], str] = why_no_gpu,
) -> tuple[str, str]:
    """("cpu" or "cuda", a sentence that says why).

    measure: (training steps a second that a device makes when it is full, with what: "2 CPU workers"); called for
    "auto" only, and only where there is a GPU. why: ends the sentence "torch finds no GPU". Raises UserError for
    another request, and for "cuda" without a GPU.
    """
    if requested not in REQUESTS:
        raise unknown("device", requested, REQUESTS, means="cuda" if requested.lower() == "gpu" else None)
    if requested == "cpu":
        return "cpu", "cpu, as requested."
    if not available():
        if requested == "cuda":
            raise UserError(
                f"device 'cuda' is requested, but torch finds no GPU{why()}: use --device cpu or --device auto, or "
                "install a driver and a build of torch that fit each other (https://pytorch.org/get-started)"
            )
        return "cpu", f"cpu: torch finds no GPU{why()}."
    if requested == "cuda":
        return "cuda", "cuda, as requested."
    (cpu_rate, cpu), (gpu_rate, gpu) = measure("cpu"), measure("cuda")
    chosen = "cuda" if gpu_rate > cpu_rate else "cpu"
    return chosen, f"{chosen}: {gpu} makes {gpu_rate:,.0f} training steps a second, {cpu} {cpu_rate:,.0f}."


def check_precision(precision: str, device: str, capability: Callable[[], tuple[int, int]] | None = None) -> None:
    """Raise UserError where a device lacks a precision.

    TF32 and bfloat16 are in GPUs from compute capability 8.0 (Ampere) on. A CPU has no TF32; bfloat16 it computes
    without instructions of its own if need be, which is slow and exact. capability: of the GPU; by default asked.
    """
    if precision == "float32" or (precision == "bfloat16" and device == "cpu"):
        return
    if device == "cpu":
        raise UserError(f"precision '{precision}' needs a GPU, and the device is the CPU: use float32 or bfloat16")
    import torch

    major, minor = (capability or torch.cuda.get_device_capability)()
    if major < 8:
        raise UserError(
            f"this GPU has no {precision} (compute capability {major}.{minor}, it needs 8.0): use --precision float32"
        )


def visible_gpus(count: int) -> list[str]:
    """The GPUs that this process sees, as CUDA_VISIBLE_DEVICES names each of them to another one."""
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return named[:count] if named else [str(number) for number in range(count)]


def device_of(model: Model, device: str) -> str:
    """The device for one model: the chosen one where the model has it, else the CPU."""
    return device if device in model.devices else "cpu"
