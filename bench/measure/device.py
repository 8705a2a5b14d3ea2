"""Which device to train on, and why: measured, because a GPU is often the slower choice for small recurrent nets."""

from __future__ import annotations

from collections.abc import Callable

from bench.models.contract import Model
from tasks.errors import UserError, unknown

REQUESTS = ("auto", "cpu", "cuda")


def gpu_available() -> bool:
    """Whether torch can use a GPU here."""
    import torch

    return bool(torch.cuda.is_available())


def choose_device(
    requested: str,
    measure: Callable[[str], float],
    *,
    workers: int = 1,
    available: Callable[[], bool] = gpu_available,
) -> tuple[str, str]:
    """("cpu" or "cuda", a sentence that says why).

    measure: seconds of one training step of a representative configuration on a device; called for "auto" only, and
    only where there is a GPU. workers: trainings that run at once on the CPU, against one at a time on the GPU.
    Raises UserError for another request, and for "cuda" without a GPU.
    """
    if requested not in REQUESTS:
        raise unknown("device", requested, REQUESTS)
    if requested == "cpu":
        return "cpu", "cpu, as requested."
    if not available():
        if requested == "cuda":
            raise UserError(
                "device 'cuda' is requested, but torch finds no GPU here: use --device cpu or --device auto, or "
                "install a torch build for your GPU, and its driver"
            )
        return "cpu", "cpu: torch finds no GPU here."
    if requested == "cuda":
        return "cuda", "cuda, as requested."
    seconds = {device: measure(device) for device in ("cpu", "cuda")}
    rates = {"cpu": workers / seconds["cpu"], "cuda": 1 / seconds["cuda"]}
    chosen = "cuda" if rates["cuda"] > rates["cpu"] else "cpu"
    crowd = f"{workers} CPU workers" if workers > 1 else "1 CPU worker"
    reason = (
        f"{chosen}: the GPU makes {rates['cuda']:,.0f} training steps a second ({1e3 * seconds['cuda']:.3g} ms each), "
        f"{crowd} {rates['cpu']:,.0f} ({1e3 * seconds['cpu']:.3g} ms each)."
    )
    return chosen, reason


def device_of(model: Model, device: str) -> str:
    """The device for one model: the chosen one where the model has it, else the CPU."""
    return device if device in model.devices else "cpu"
