"""A GPU as a device: a stream and graphs for each member, or a place in a stack."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from bench.executors.cohort.device import Device, DeviceLost, DeviceShare
from bench.executors.cohort.streams import LeasedStream, Streams
from bench.measure.energy import EnergyMeter
from bench.models.contract import Learner
from bench.models.stepper import Stepper, StepPlan
from bench.training.jobs import is_out_of_memory
from bench.training.loop import Apart, Turns
from bench.training.request import Training
from bench.training.train import build_learner
from tasks.contract import Dataset

if TYPE_CHECKING:
    from bench.executors.cohort.reuse import Captured


class Gpu(Device):
    """The first GPU that this process sees."""

    name = "cuda"

    def __init__(self) -> None:
        from bench.executors.cohort.reuse import IdleGraphs, PlacedData
        from bench.executors.cohort.stack_places import Stacks

        super().__init__()
        self._energy = EnergyMeter(self.name)
        self.streams = Streams(_stream_of_priority)
        self.idle, self.placed = IdleGraphs(), PlacedData()
        self.stacks = Stacks(self, self.placed, self._free_lease)
        self._scorer = ThreadPoolExecutor(1, thread_name_prefix="scores evaluations")

    def prepare(self) -> None:
        import torch

        try:
            torch.zeros(1, device=self.name).item()
        except (RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA
            raise DeviceLost(f"{error}".partition("\n")[0]) from error

    def new_stream(self) -> Any:
        """A stream that no cohort's member has; it is not given back."""
        return self.streams.lease().stream

    def free_stream(self) -> None:
        """Have one that no member uses, if that can be: what is kept for later trainings gives way."""
        while not self.streams.has_free and self.idle.discard_oldest():
            pass
        if not self.streams.has_free:
            self.stacks.discard_idle()

    def _free_lease(self) -> LeasedStream:
        """A stream for a new stack."""
        self.free_stream()
        return self.streams.lease()

    def stream(self, stream: Any) -> AbstractContextManager[Any]:
        import torch

        return torch.cuda.stream(stream)

    def place(self, training: Training, alone: bool) -> DeviceShare:
        from bench.executors.cohort.reuse import shape_of
        from bench.training.data import load_data

        dataset = load_data(training.task, training.seed, training.replicate)
        if not alone and (place := self.stacks.place(training, dataset)) is not None:
            return place
        shape = shape_of(training, dataset)
        found = None if alone else self.idle.take(shape)
        self.free_stream()
        return _GpuPlace(self, shape, alone, found)

    @property
    def apart(self) -> Apart[Any]:
        return self._score_apart

    def _score_apart(self, work: Any) -> Turns[Any]:
        """Have another thread do it: NumPy computes while this one launches the work of other members."""
        future = self._scorer.submit(work)
        while not future.done():
            yield
        return future.result()

    def free_bytes(self) -> int:
        import torch

        free, _ = torch.cuda.mem_get_info()
        return int(free)

    def free_unused(self) -> None:
        import torch

        self.idle.discard_all()
        self.stacks.discard_idle()
        self.placed.clear()
        torch.cuda.empty_cache()  # what is cached for one member's stream is no other's to use

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


class _GpuPlace(DeviceShare):
    """A stream of its own, and graphs of an earlier training of the same shape where some are idle."""

    def __init__(self, gpu: Gpu, shape: str, alone: bool, found: Captured | None) -> None:
        self._gpu, self._shape, self._kept = gpu, shape, found
        self._leased = gpu.streams.lease() if found is None else found.leased
        super().__init__(self._leased.stream, self._reuse if found else self._open)
        self._alone, self.captured = alone, found is not None
        if found is not None:
            self.peak_bytes = found.peak_bytes

    def build(self, training: Training, dataset: Dataset) -> Learner:
        if self._kept is None:
            return build_learner(training, dataset)
        return self._kept.load(training, dataset)

    def leave(self, failed: bool) -> None:
        if self._kept is None:
            self._leased.release()
        elif failed:
            self._kept.discard()
        else:
            self._kept.peak_bytes = self.peak_bytes
            self._gpu.idle.put(self._kept)

    def _reuse(self, learner: Learner, plan: StepPlan) -> Stepper:
        from bench.models.torch_learner.learner import TorchLearner

        assert self._kept is not None
        assert isinstance(learner, TorchLearner)
        self._kept.stepper.restart(plan, self._gpu.placed.of(learner, plan.dataset))
        return self._kept.stepper

    def _open(self, learner: Learner, plan: StepPlan) -> Stepper:
        from bench.executors.cohort.reuse import Captured, may_be_reused
        from bench.models.torch_learner.graph import GraphStepper
        from bench.models.torch_learner.learner import TorchLearner
        from bench.models.torch_learner.shared import open_shared_stepper

        def capture(learner: TorchLearner, plan: StepPlan) -> Stepper:
            placed = self._gpu.placed.of(learner, plan.dataset)
            stepper = GraphStepper(learner, plan, placed, self._leased.retire)
            self.captured = True
            if may_be_reused(learner):
                stepper.discards_when_closed = False
                self._kept = Captured(self._shape, stepper, self._leased)
            return stepper

        return open_shared_stepper(learner, plan, alone=self._alone, capture=capture)


def _stream_of_priority(priority: int) -> Any:
    import torch

    return torch.cuda.Stream(priority=priority)  # type: ignore[no-untyped-call]
