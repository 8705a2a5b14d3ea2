"""What a cohort needs of a device: a stream for each member, free memory, and whether it still works."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from bench.models.contract import Learner
from bench.training.loop import Apart, at_once
from bench.training.request import Training
from bench.training.train import OpenStepper, build_learner
from tasks.contract import Dataset


class DeviceLost(Exception):  # noqa: N818 - an event, not an error of this program
    """The device no longer answers in this process, and which training caused it is unknown."""


class DeviceShare:
    """What one member has of a device: a stream, and how its learner and its steps are made.

    peak_bytes: memory that its graphs and their making took; None where steps are eager, or memory is not measured.
    """

    captured = False  # whether steps are replayed: then a turn allocates nothing

    def __init__(self, stream: Any, open_stepper: OpenStepper) -> None:
        self.stream, self.open_stepper = stream, open_stepper
        self.peak_bytes: int | None = None

    def build(self, training: Training, dataset: Dataset) -> Learner:
        """The training's learner with its initial weights."""
        return build_learner(training, dataset)

    def leave(self, failed: bool) -> None:
        """Give back what the member had. failed: an exception ended it, so nothing of it is used again."""


class Device:
    """The CPU: for tests, and for what differs on a GPU."""

    name = "cpu"

    def __init__(self) -> None:
        self.note: Callable[[str], None] = lambda text: None  # told what a person should read; its user sets it

    def prepare(self) -> None:
        """Make it ready; DeviceLost where it is not there."""

    def new_stream(self) -> Any:
        """A queue of work of its own on the device."""
        return None

    def stream(self, stream: Any) -> AbstractContextManager[Any]:
        """Work that is begun inside runs there."""
        return contextlib.nullcontext()

    def stepper_opener(self, alone: bool) -> OpenStepper:
        """How a stepper is made. alone: nothing else is trained meanwhile."""
        from bench.models.torch_learner.shared import open_shared_stepper

        return functools.partial(open_shared_stepper, alone=alone)

    def place(self, training: Training, alone: bool) -> DeviceShare:
        """What a new member has of the device."""
        return DeviceShare(self.new_stream(), self.stepper_opener(alone))

    @property
    def apart(self) -> Apart[Any]:
        """Where evaluations are scored, which needs no device."""
        return at_once

    def free_bytes(self) -> int | None:
        """Memory that the device has left, as its driver tells it; None: not known."""
        return None

    def free_unused(self) -> None:
        """Give back what is kept for later trainings. On a GPU this waits until it has nothing to do."""

    def joules(self) -> float | None:
        """Energy that the device has taken, counting up; None: not known."""
        return None

    def check(self, error: BaseException) -> None:
        """Raise DeviceLost if a training's error means that no other training can go on either."""
