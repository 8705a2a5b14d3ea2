"""Training steps as CUDA graphs: captured once, then one launch a step, with no work for the host in between.

A small recurrent step is a hundred kernels of a few microseconds, and launching them one by one takes longer than
running them. Everything that a step changes stays on the device at fixed addresses: weights, Adam's state, where in the
epoch it is, the losses. What the host does between two evaluations is to replay, and to send each epoch's order.

The stepper works on the stream that is current where it is used; it must be the same one from its making to its end.
"""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.models.stepper import Plan, Stepper
from bench.models.torch_learner import data
from bench.models.torch_learner.learner import TorchLearner
from tasks.contract import Array

REHEARSALS = 3  # steps before a capture: libraries set themselves up in the first ones, which a capture can't hold
TOLERANCE = 1e-4  # relative, between losses of the same steps replayed and done eagerly


class CannotCapture(Exception):  # noqa: N818 - an answer, not an error
    """A step waits for the host, or replaying it is not the same as doing it."""


class GraphStepper(Stepper):
    """Replays steps, evaluations and copies of the best state of a `TorchLearner` on a GPU.

    Three steps are done eagerly and then replayed before the training begins, and must give the same losses: what a
    cell does in Python at each step is not in a graph. Raises CannotCapture where that fails; the learner's state is
    then what it was.
    """

    def __init__(self, learner: TorchLearner, plan: Plan) -> None:
        super().__init__(learner)
        self.kernel = f"{learner.kernel}+graph"
        self._torch, self._plan = learner, plan
        self._stream = torch.cuda.current_stream(learner.device)
        self._sequences = len(plan.dataset.train)
        self._batch = min(plan.batch_size, self._sequences)
        self._train, self._valid = learner.place(plan.dataset.train), learner.place(plan.dataset.valid)
        self._graphs: list[torch.cuda.CUDAGraph] = []
        whole: Any = {"dtype": torch.int64, "device": learner.device}
        self._offsets = torch.arange(self._batch, **whole)
        self._order = torch.arange(self._sequences, **whole)  # of this epoch
        self._position = torch.zeros(1, **whole)  # in it
        self._count = torch.zeros(1, **whole)  # steps since the last evaluation
        rows = max(plan.interval, REHEARSALS)
        self._losses = torch.zeros(rows, dtype=learner.dtype, device=learner.device)
        self._host_losses = _pinned(torch.zeros(rows, dtype=learner.dtype))
        with torch.no_grad():
            outputs = learner.outputs(self._valid)
        self._outputs = torch.empty_like(outputs)
        self._host_outputs = _pinned(torch.zeros(outputs.shape, dtype=outputs.dtype))
        self._done: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._at = self._sequences  # the position, as the host knows it: the first step begins an epoch
        self._begun = 0
        self._now = learner.tensors()
        self._best = {name: tensor.detach().clone() for name, tensor in self._now.items()}
        self._steps: dict[int, torch.cuda.CUDAGraph] = {}
        state = learner.state()
        try:
            self._capture_all(state)
        except CannotCapture:
            self.close()
            learner.load_state(state)
            raise
        except BaseException:
            self.close()
            raise

    def step(self) -> None:
        if self._at >= self._sequences:
            order = torch.from_numpy(np.ascontiguousarray(next(self._plan.orders), dtype=np.int64))
            self._order.copy_(_pinned(order), non_blocking=True)
            self._position.zero_()
            self._at = 0
        size = min(self._batch, self._sequences - self._at)
        self._steps[size].replay()
        self._at += size
        self._begun += 1

    def ask(self) -> None:
        self._evaluation.replay()
        self._host_outputs.copy_(self._outputs, non_blocking=True)
        if self._begun:
            self._host_losses[: self._begun].copy_(self._losses[: self._begun], non_blocking=True)
            self._count.zero_()
        self._done.record(self._stream)

    def ready(self) -> bool:
        return bool(self._done.query())

    def answer(self) -> tuple[Array, Array]:
        self._done.synchronize()
        losses = self._host_losses[: self._begun].numpy().astype(np.float64)
        self._begun = 0
        return losses, np.array(self._host_outputs.numpy())

    def keep(self) -> None:
        self._keeping.replay()

    def restore(self) -> None:
        self._torch.load_state({name: tensor.cpu().numpy() for name, tensor in self._best.items()})

    def close(self) -> None:
        self._stream.synchronize()
        for graph in self._graphs:
            graph.reset()
        self._graphs.clear()
        self._steps.clear()

    def _capture_all(self, state: dict[str, Array]) -> None:
        pool = torch.cuda.graph_pool_handle()
        sizes = {self._batch, self._sequences % self._batch} - {0}  # the last batch of an epoch may be smaller
        for size in sorted(sizes, reverse=True):
            eager = self._rehearse(lambda size=size: self._work(size))  # type: ignore[misc]
            self._rewind(state)
            graph = self._steps[size] = self._capture(lambda size=size: self._work(size), pool)  # type: ignore[misc]
            replayed = self._rehearse(graph.replay)
            self._rewind(state)
            if not np.allclose(replayed, eager, rtol=TOLERANCE, atol=0, equal_nan=True):
                raise CannotCapture(f"replayed steps gave losses {replayed}, the same steps {eager}")
        self._evaluation = self._capture(self._evaluate, pool)
        self._keeping = self._capture(self._copy_state, pool)

    def _rewind(self, state: dict[str, Array]) -> None:
        """To the beginning of the training."""
        self._torch.load_state(state)
        self._position.zero_()
        self._count.zero_()

    def _work(self, size: int) -> None:
        """A whole step on the next `size` sequences of the epoch."""
        index = self._order.index_select(0, self._position + self._offsets[:size])
        loss = self._torch.train_step(data.take(self._train, index))
        self._losses.index_copy_(0, self._count, loss.reshape(1))
        self._position.add_(size)
        self._count.add_(1)

    @torch.no_grad()
    def _evaluate(self) -> None:
        # into memory of its own: what a graph leaves in its pool is another's to use once that is replayed
        self._outputs.copy_(self._torch.outputs(self._valid))

    @torch.no_grad()
    def _copy_state(self) -> None:
        for name, best in self._best.items():
            best.copy_(self._now[name])

    def _rehearse(self, work: Callable[[], None]) -> Array:
        """Losses of a few steps, each on the first batch."""
        self._count.zero_()
        for number in range(REHEARSALS):
            self._position.zero_()
            if number:  # the first step sets things up, and may wait for that
                _without_waiting(work)
            else:
                work()
        return np.array(self._losses[:REHEARSALS].cpu().numpy())

    def _leave_pool(self, pool: object) -> None:
        """What torch leaves out where the driver refuses to end a capture; else the allocator stays in capture mode."""
        end = getattr(torch._C, "_cuda_endAllocateToPool", None)
        if end is not None:
            with contextlib.suppress(RuntimeError):  # it was ended
                end(self._torch.device.index or 0, pool)

    def _capture(self, work: Callable[[], None], pool: object) -> torch.cuda.CUDAGraph:
        self._torch.drop_gradients()  # each graph has its own, from the pool
        gc.collect()
        gc.disable()  # to collect another graph during a capture would spoil it
        graph = torch.cuda.CUDAGraph()
        self._graphs.append(graph)
        try:
            with torch.cuda.graph(graph, pool=pool, stream=self._stream):  # type: ignore[arg-type]
                work()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self._leave_pool(pool)
            if isinstance(error.__context__, torch.OutOfMemoryError):  # ending the capture failed over it
                raise error.__context__ from None
            if "out of memory" in str(error):  # the graph itself takes some too
                raise torch.OutOfMemoryError(str(error)) from error
            torch.cuda.synchronize(self._torch.device)  # raises where the device itself is what went wrong
            raise CannotCapture(str(error)) from error
        finally:
            # a capture that fails leaves its stream current
            torch.cuda.set_stream(self._stream)
            gc.enable()
            self._torch.drop_gradients()
        return graph


def _pinned(tensor: Tensor) -> Tensor:
    """Where a copy to or from the GPU needs no waiting; torch keeps the pages until a copy under way is done."""
    return tensor.pin_memory()


def _without_waiting(work: Callable[[], None]) -> None:
    """Do it; CannotCapture where it waits for the device. To find that in a capture would harm the allocator."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Synchronization debug mode")  # says that it is new
        torch.cuda.set_sync_debug_mode("error")
    try:
        work()
    except RuntimeError as error:
        if "synchroniz" in str(error):
            raise CannotCapture(str(error)) from error
        raise
    finally:
        torch.cuda.set_sync_debug_mode("default")
