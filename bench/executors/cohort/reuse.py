"""Learners and graphs of trainings that have ended, for trainings of the same shape: these need no capture.

A capture takes the host tens of milliseconds, in which all other members wait. A training whose learner, batches and
data have the shapes of an earlier one's loads its own weights, data and learning rate into the same memory instead.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import torch

from bench.executors.cohort.streams import LeasedStream
from bench.models.contract import Learner, Problem
from bench.models.torch_learner.data import Sequences
from bench.models.torch_learner.graph import GraphStepper
from bench.models.torch_learner.learner import TorchLearner
from bench.records.schema import digest
from bench.training.request import Training, describe_entry
from bench.training.train import build_learner
from tasks.contract import Array, Dataset, Split

PLACED = 8  # replicates' data that stay on the device, for the members that share them


@dataclass
class Captured:
    """A learner and its graphs on a stream of their own. peak_bytes: the most memory that they took."""

    shape: str
    stepper: GraphStepper
    leased: LeasedStream
    peak_bytes: int | None = None

    def load(self, training: Training, dataset: Dataset) -> Learner:
        """The learner with a training's own initial weights and learning rate, as a fresh one would have them."""
        learner = self.stepper.learner
        on_cpu = replace(training, settings=replace(training.settings, device="cpu", precision="float32"))
        learner.load_state(build_learner(on_cpu, dataset).state())
        learner.learning_rate = training.settings.learning_rate
        return learner

    def discard(self) -> None:
        """Let go of the graphs and of the stream."""
        self.stepper.discard()
        self.leased.release()


def shape_of(training: Training, dataset: Dataset) -> str:
    """A key of all that graphs are captured with: equal for trainings that may use the same ones, one after another.

    The learning rate, the weights and the numbers in the data are loaded, so they are no part of it.
    """
    settings = asdict(training.settings)
    for loaded in ("learning_rate", "init"):
        settings.pop(loaded)
    arrays = [
        None if array is None else [list(array.shape), array.dtype.str]
        for split in (dataset.train, dataset.valid)
        for array in _arrays(split)
    ]
    problem = asdict(Problem.of(training.task, dataset.train))
    plan = [training.batch_size, training.interval, training.rate_changes_each_step]
    return digest([describe_entry(training.model), settings, *plan, problem, arrays])


def _arrays(split: Any) -> tuple[Array | None, ...]:
    return split.inputs, split.targets, split.mask, split.lengths


def may_be_reused(learner: Learner) -> bool:
    """Whether all that changes in a training's learner is loaded for the next: so it is with torch's own layers."""
    return isinstance(learner, TorchLearner) and learner.is_builtin_rnn and not learner.has_dropout


class IdleGraphs:
    """What no member uses at present, the least recently used first."""

    def __init__(self) -> None:
        self._idle: list[Captured] = []

    def take(self, shape: str) -> Captured | None:
        """One of that shape, which is then in use; None where there is none."""
        found = next((each for each in reversed(self._idle) if each.shape == shape), None)
        if found is not None:
            self._idle.remove(found)
        return found

    def put(self, captured: Captured) -> None:
        self._idle.append(captured)

    def discard_oldest(self) -> bool:
        """Free one's memory and stream; False where there is none."""
        if not self._idle:
            return False
        self._idle.pop(0).discard()
        return True

    def discard_all(self) -> None:
        while self.discard_oldest():
            pass


class Placing(Protocol):
    """Places data on a device."""

    dtype: torch.dtype
    device: torch.device

    def place(self, split: Split) -> Sequences: ...


class PlacedData:
    """Training and validation data of the last replicates, on the device: members of one replicate share them."""

    def __init__(self) -> None:
        self._placed: OrderedDict[tuple[int, str], tuple[Dataset, tuple[Sequences, Sequences]]] = OrderedDict()

    def of(self, learner: Placing, dataset: Dataset) -> tuple[Sequences, Sequences]:
        """(Training, validation) data, complete when this returns. A dataset is known by its identity.

        learner: whatever places data on the device in its own type.
        """
        key = (id(dataset), str(learner.dtype))
        if key not in self._placed:
            self._placed[key] = dataset, (learner.place(dataset.train), learner.place(dataset.valid))
            torch.cuda.current_stream(learner.device).synchronize()  # from now on other streams may read it
            if len(self._placed) > PLACED:
                self._placed.popitem(last=False)
        self._placed.move_to_end(key)
        return self._placed[key][1]

    def clear(self) -> None:
        self._placed.clear()
