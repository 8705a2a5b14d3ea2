"""What a cohort needs of a device: a stream for each member, how much memory is left, whether it is still there."""

from __future__ import annotations

import contextlib
import functools
from contextlib import AbstractContextManager
from typing import Any

from bench.measure.energy import EnergyMeter
from bench.training.jobs import is_out_of_memory
from bench.training.train import OpenStepper


class DeviceLost(Exception):  # noqa: N818 - an event, not an error of this program
    """The device does not answer any more, in this process at least: whose fault it was can't be told."""


class Device:
    """The CPU: for tests, and for what differs on a GPU."""

    name = "cpu"

    def prepare(self) -> None:
        """Make it ready; DeviceLost where it is not there."""

    def new_stream(self) -> Any:
        """What a member's work runs on."""
        return None

    def stream(self, stream: Any) -> AbstractContextManager[Any]:
        """Work that is begun inside runs there."""
        return contextlib.nullcontext()

    def stepper_opener(self, alone: bool) -> OpenStepper:
        """How a member's stepper is made."""
        from bench.models.torch_learner.shared import open_shared_stepper

        return functools.partial(open_shared_stepper, alone=alone)

    def free_bytes(self) -> int | None:
        """Memory that is left; None: not known. On a GPU, to ask is to wait until it has nothing to do."""
        return None

    def joules(self) -> float | None:
        """Energy that the device has taken, counting up; None: not known."""
        return None

    def check(self, error: BaseException) -> None:
        """Raise DeviceLost where a training's error means that no other can go on either."""


class Gpu(Device):
    """The first GPU that this process sees."""

    name = "cuda"

    def __init__(self) -> None:
        self._energy = EnergyMeter(self.name)

    def prepare(self) -> None:
        import torch

        try:
            torch.zeros(1, device=self.name).item()
        except (RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA
            raise DeviceLost(f"{error}".partition("\n")[0]) from error

    def new_stream(self) -> Any:
        """torch has 32 of them and hands them out in turn, so members of a larger cohort share some."""
        import torch

        return torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def stream(self, stream: Any) -> AbstractContextManager[Any]:
        import torch

        return torch.cuda.stream(stream)

    def free_bytes(self) -> int:
        import torch

        torch.cuda.empty_cache()  # what is cached for one member's stream is no other's to use
        free, _ = torch.cuda.mem_get_info()
        return int(free)

    def joules(self) -> float | None:
        return self._energy.joules()

    def check(self, error: BaseException) -> None:
        import torch

        if is_out_of_memory(error):
            return
        try:
            torch.cuda.synchronize()  # after an error of a kernel, every call fails until the process ends
        except RuntimeError as lost:
            raise DeviceLost(f"{lost}".partition("\n")[0]) from error
