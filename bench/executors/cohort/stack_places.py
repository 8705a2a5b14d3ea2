"""The stacks of a GPU by shape: a new member gets a place in one, or a new one is made where there is memory for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from bench.executors.cohort.device import Device, DeviceShare
from bench.executors.cohort.reuse import PlacedData, shape_of
from bench.executors.cohort.stacks import Placed, Stack, StackedStepper, bytes_of
from bench.executors.cohort.streams import LeasedStream
from bench.measure.memory import SharedPeakMemory
from bench.models.contract import Learner, Model, Problem
from bench.models.search_twin import STACKED_PRECISIONS
from bench.models.stepper import Stepper, StepPlan
from bench.models.torch_learner import data
from bench.models.torch_learner.graph import REHEARSALS
from bench.models.torch_learner.stacked.graph import StackDiffers, StackedGraphs
from bench.models.torch_learner.stacked.layers import StackedGru, StackedLayer, StackedLstm, StackedRnn
from bench.models.torch_learner.stacked.trainings import StackedTrainings
from bench.models.torch_learner.stacked.twins import GruInStack, LstmInStack, RnnInStack
from bench.training.jobs import is_out_of_memory
from bench.training.request import Training
from bench.training.train import build_learner
from tasks.contract import Array, Dataset

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


@dataclass
class _First:
    """The training that a stack is made for, and its learner on the CPU."""

    layer: StackedLayer
    training: Training
    dataset: Dataset
    learner: Learner

    def placed(self) -> Placed:
        """Its data on the host, in the stack's types."""
        problem, dtype = (
            Problem.of(self.training.task, self.dataset.train),
            getattr(torch, self.training.settings.dtype),
        )
        host = torch.device("cpu")
        return (
            data.place(self.dataset.train, problem, host, dtype),
            data.place(self.dataset.valid, problem, host, dtype),
        )

    def bytes(self, placed: Placed) -> int:
        """About what each place of its stack takes."""
        settings, problem = self.training.settings, Problem.of(self.training.task, self.dataset.train)
        number = getattr(torch, settings.dtype).itemsize
        sizes = (settings.hidden_size, settings.num_layers, self.training.batch_size)
        of_data = sum(part.numel() * part.itemsize for split in placed for part in split if part is not None)
        return bytes_of(problem, *sizes, number, of_data)

    def losses(self) -> Array:
        """Of the model's own first steps, all on the first batch in the order of the data."""
        learner, batch_size = self.learner, self.training.batch_size
        state, order = learner.state(), np.arange(len(self.dataset.train))
        batch = next(iter(learner.batches(learner.place(self.dataset.train), order, batch_size)))
        losses = learner.losses([learner.train_step(batch) for _ in range(REHEARSALS)])
        learner.load_state(state)
        return losses


class _OnStream:
    """A stack, the stream that it has, and the share of memory that each of its places takes."""

    def __init__(self, stack: Stack, leased: LeasedStream, peak_bytes: int | None) -> None:
        self.stack, self.leased, self.peak_bytes = stack, leased, peak_bytes

    def discard(self) -> None:
        self.leased.stream.synchronize()
        self.stack.graphs.discard()
        self.leased.release()


class Stacks:
    """All stacks of a GPU. placed: the data that its members share; lease: gives a stream for a new stack."""

    def __init__(self, gpu: Device, placed: PlacedData, lease: Callable[[], LeasedStream]) -> None:
        self._gpu, self._placed, self._lease = gpu, placed, lease
        self._by_shape: defaultdict[str, list[_OnStream]] = defaultdict(list)
        self._differing: set[str] = set()  # shapes whose stacks do not compute what the model does

    def place(self, training: Training, dataset: Dataset) -> DeviceShare | None:
        """A place for a training; None where it has no stacked form, or no stack of it fits into the memory."""
        settings, layer = training.settings, layer_of(training.model)
        if layer is None or settings.precision not in STACKED_PRECISIONS:
            return None
        shape = shape_of(training, dataset)
        if (settings.dropout and settings.num_layers > 1) or shape in self._differing:
            return None
        on_cpu = replace(training, settings=replace(settings, device="cpu", precision="float32"))
        learner = build_learner(on_cpu, dataset)
        stacks = self._by_shape[shape]
        found = next((each for each in stacks if each.stack.free and not each.stack.broken), None)
        if found is None:
            places = min(LARGEST, 2 * stacks[-1].stack.trainings.trainings) if stacks else FIRST
            try:
                found = self._make(_First(layer, training, dataset, learner), places)
            except StackDiffers as differs:
                self._differing.add(shape)
                self._gpu.note(f"{training.label()} is not trained in a stack: {differs}")
            if found is None:
                return None
            stacks.append(found)
        return _StackPlace(found, learner, self._placed.of(found.stack.trainings, dataset), self._left)

    def discard_idle(self) -> None:
        """Free the memory and the streams of stacks without a member."""
        self._discard(lambda stack: stack.idle)

    def _make(self, first: _First, places: int) -> _OnStream | None:
        """A stack with that many places, or as many as the memory has room for."""
        placed = first.placed()
        while places >= FEWEST and first.bytes(placed) * places > (self._gpu.free_bytes() or 0) // PART:
            places //= 2
        while places >= FEWEST:
            try:
                return self._open(first, placed, places)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._gpu.free_unused()
                places //= 2
        return None

    def _open(self, first: _First, placed: Placed, places: int) -> _OnStream:
        training, dataset, memory = first.training, first.dataset, SharedPeakMemory(self._gpu.name)
        problem, device = Problem.of(training.task, dataset.train), torch.device(training.settings.device)
        leased = self._lease()
        memory.begin()
        try:
            with self._gpu.stream(leased.stream):
                made = StackedTrainings(
                    first.layer, problem, training.settings, placed, training.batch_size, places, device
                )
                made.load(0, first.learner.state(), *self._placed.of(made, dataset))
                stack = Stack(made, StackedGraphs(made, first.losses(), leased.retire))
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
