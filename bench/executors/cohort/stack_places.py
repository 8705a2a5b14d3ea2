"""The stacks of a GPU by shape: a new member gets a place in one, or a new one is made where there is memory for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from bench.executors.cohort.gpu import DeviceShare
from bench.executors.cohort.reuse import shape_of
from bench.executors.cohort.stacks import Placed, Stack, StackedStepper, bytes_of
from bench.executors.cohort.streams import LeasedStream
from bench.measure.memory import SharedPeakMemory
from bench.models.contract import Learner, Model, Problem
from bench.models.stepper import Stepper, StepPlan
from bench.models.torch_learner import data
from bench.models.torch_learner.stacked.graph import StackedGraphs
from bench.models.torch_learner.stacked.layers import StackedGru, StackedLayer, StackedLstm, StackedRnn
from bench.models.torch_learner.stacked.trainings import StackedTrainings
from bench.models.torch_learner.stacked.twins import PRECISIONS, GruInStack, LstmInStack, RnnInStack
from bench.training.jobs import is_out_of_memory
from bench.training.request import Training
from bench.training.train import build_learner
from tasks.contract import Dataset

if TYPE_CHECKING:
    from bench.executors.cohort.gpu import Gpu

FIRST, LARGEST = 16, 128  # places: of a shape's first stack; each further one has twice as many as the last
FEWEST = 4  # below which graphs of each training's own take less time
PART = 4  # one part in so many of the free memory is the most that a stack takes


def layer_of(model: Model) -> StackedLayer | None:
    """How a model's trainings are stacked; None: they are not."""
    if isinstance(model, GruInStack):
        return StackedGru()
    if isinstance(model, LstmInStack):
        return StackedLstm()
    return StackedRnn(model.nonlinearity) if isinstance(model, RnnInStack) else None


class _OnStream:
    """A stack, the stream that it has, and the share of memory that each of its places takes."""

    def __init__(self, stack: Stack, leased: LeasedStream, peak_bytes: int | None) -> None:
        self.stack, self.leased, self.peak_bytes = stack, leased, peak_bytes

    def discard(self) -> None:
        self.leased.stream.synchronize()
        self.stack.graphs.discard()
        self.leased.release()


class Stacks:
    """All stacks of a GPU."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._by_shape: defaultdict[str, list[_OnStream]] = defaultdict(list)

    def place(self, training: Training, dataset: Dataset) -> DeviceShare | None:
        """A place for a training; None where it has no stacked form, or no stack of it fits into the memory."""
        settings = training.settings
        layer = layer_of(training.model)
        if layer is None or settings.precision not in PRECISIONS or (settings.dropout and settings.num_layers > 1):
            return None
        on_cpu = replace(training, settings=replace(settings, device="cpu", precision="float32"))
        learner = build_learner(on_cpu, dataset)
        stacks = self._by_shape[shape_of(training, dataset)]
        found = next((each for each in stacks if each.stack.free and not each.stack.broken), None)
        if found is None:
            places = min(LARGEST, 2 * stacks[-1].stack.trainings.trainings) if stacks else FIRST
            found = self._make(layer, training, dataset, learner, places)
            if found is None:
                return None
            stacks.append(found)
        placed = self._gpu.placed.of(found.stack.trainings, dataset)
        return _StackPlace(found, learner, placed, self._left)

    def discard_idle(self) -> None:
        """Free the memory and the streams of stacks without a member."""
        self._discard(lambda stack: stack.idle)

    def _make(
        self, layer: StackedLayer, training: Training, dataset: Dataset, learner: Learner, places: int
    ) -> _OnStream | None:
        """A stack with that many places, or as many as the memory has room for."""
        problem, settings = Problem.of(training.task, dataset.train), training.settings
        dtype = getattr(torch, settings.dtype)
        train, valid = (
            data.place(split, problem, torch.device("cpu"), dtype) for split in (dataset.train, dataset.valid)
        )
        placed_bytes = sum(part.numel() * part.itemsize for part in (*train, *valid) if part is not None)
        sizes = (settings.hidden_size, settings.num_layers, training.batch_size)
        each = bytes_of(problem, *sizes, placed_bytes) * dtype.itemsize // torch.float32.itemsize
        while places >= FEWEST and each * places > self._gpu.free_bytes() // PART:
            places //= 2
        while places >= FEWEST:
            try:
                return self._open(layer, training, dataset, learner, (train, valid), places)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._gpu.free_unused()
                places //= 2
        return None

    def _open(
        self,
        layer: StackedLayer,
        training: Training,
        dataset: Dataset,
        learner: Learner,
        like: Placed,
        places: int,
    ) -> _OnStream:
        self._gpu.free_stream()
        leased, memory = self._gpu.streams.lease(), SharedPeakMemory(self._gpu.name)
        problem, device = Problem.of(training.task, dataset.train), torch.device(training.settings.device)
        memory.begin()
        try:
            with self._gpu.stream(leased.stream):
                made = StackedTrainings(layer, problem, training.settings, like, training.batch_size, places, device)
                made.load(0, learner.state(), *self._gpu.placed.of(made, dataset))
                stack = Stack(made, StackedGraphs(made, leased.retire))
        except BaseException:
            leased.release()
            raise
        memory.end()
        return _OnStream(stack, leased, memory.peak_bytes and memory.peak_bytes // places)

    def _left(self) -> None:
        """Of a stack that an error has spoilt nothing is used again."""
        self._discard(lambda stack: stack.idle and stack.broken)

    def _discard(self, which: Callable[[Stack], bool]) -> None:
        for stacks in self._by_shape.values():
            for each in [each for each in stacks if which(each.stack)]:
                stacks.remove(each)
                each.discard()


class _StackPlace(DeviceShare):
    """A place in a stack. The training's learner is on the CPU: it has the initial weights, and the best ones later."""

    captured = True  # no turn allocates anything on the device

    def __init__(self, found: _OnStream, learner: Learner, placed: Placed, left: Callable[[], None]) -> None:
        super().__init__(found.leased.stream, self._open)
        self._stack, self._learner, self._placed, self._left = found.stack, learner, placed, left
        self._number = found.stack.free.pop()
        self.peak_bytes = found.peak_bytes

    def build(self, training: Training, dataset: Dataset) -> Learner:
        return self._learner

    def leave(self, failed: bool) -> None:
        self._stack.free.append(self._number)
        self._left()

    def _open(self, learner: Learner, plan: StepPlan) -> Stepper:
        return StackedStepper(learner, plan, self._stack, self._number, self._placed)
