"""Training steps as CUDA graphs: captured once, then one launch a step, with no work for the host in between.

A small recurrent step is about fifty kernels of a few microseconds, and launching them one by one takes longer than
running them. Everything that a step changes stays on the device at fixed addresses: weights, Adam's state, the position
in the epoch, the losses. What the host does between two evaluations is to replay, and to send each epoch's order.
Several steps on whole batches are one graph too, so that they take one launch.

The stepper works on the stream that is current where it is used; it must be the same one from its making to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bench.models.stepper import Stepper, StepPlan
from bench.models.torch_learner import data
from bench.models.torch_learner.capture import CannotCapture, Graphs, check_equal, record, reset_all, without_waiting
from bench.models.torch_learner.data import Sequences
from bench.models.torch_learner.learner import TorchLearner
from tasks.contract import Array

REHEARSALS = 3  # steps before a capture: libraries set themselves up in the first ones, which a capture can't hold
STEPS_A_LAUNCH = 8  # of whole batches, in the graph of several steps


class GraphStepper(Stepper):
    """Replays steps, evaluations and copies of the best state of a `TorchLearner` on a GPU.

    Three steps are done eagerly and then replayed before the training begins, and must give the same losses: what a
    cell does in Python at each step is not in a graph. Raises CannotCapture where that fails; the learner's state is
    then what it was.
    """

    def __init__(
        self,
        learner: TorchLearner,
        plan: StepPlan,
        placed: tuple[Sequences, Sequences] | None = None,
        retire: Callable[[Graphs], None] = reset_all,
    ) -> None:
        """placed: training and validation data on the device, of which the stepper makes copies of its own; by default
        it places them. retire: given graphs that will not be replayed again.
        """
        super().__init__(learner)
        if not learner.rate_is_on_device:
            raise CannotCapture("a step reads the learning rate from the host")
        self.kernel = f"{learner.kernel}+graph"
        self.discards_when_closed = True  # False: whoever set it lets another training have the graphs, or discards
        self._torch, self._plan, self._retire = learner, plan, retire
        self._take = data.take_time_first if learner.on_gpu and learner.is_builtin_rnn else data.take
        self._stream = torch.cuda.current_stream(learner.device)
        self._sequences = len(plan.dataset.train)
        self._batch = min(plan.batch_size, self._sequences)
        if placed is None:
            self._train, self._valid = learner.place(plan.dataset.train), learner.place(plan.dataset.valid)
        else:
            self._train, self._valid = (data.copy_of(sequences) for sequences in placed)
        self._graphs: list[torch.cuda.CUDAGraph] = []
        whole: Any = {"dtype": torch.int64, "device": learner.device}
        self._offsets = torch.arange(self._batch, **whole)
        self._order = torch.arange(self._sequences, **whole)  # of this epoch
        self._sizes = sorted({self._batch, self._sequences % self._batch} - {0}, reverse=True)  # an epoch may end small
        self._counters = torch.zeros(2, **whole)  # position in the epoch, steps since the last evaluation
        self._position, self._count = self._counters[:1], self._counters[1:]
        self._advance = {size: torch.tensor([size, 1], **whole) for size in self._sizes}
        # steps of one launch share a learning rate
        several = 0 if plan.rate_changes else min(STEPS_A_LAUNCH, self._sequences // self._batch, plan.interval)
        rows = max(plan.interval, REHEARSALS, several)
        self._losses = torch.zeros(rows, dtype=learner.dtype, device=learner.device)
        self._host_losses = data.pinned(torch.zeros(rows, dtype=learner.dtype))
        with torch.no_grad():
            outputs = learner.outputs(self._valid)
        self._outputs = torch.empty_like(outputs)
        self._host_outputs = data.pinned(torch.zeros(outputs.shape, dtype=outputs.dtype))
        self._done: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._now = learner.tensors()
        self._best = {name: tensor.detach().clone() for name, tensor in self._now.items()}
        self._steps: dict[int, torch.cuda.CUDAGraph] = {}
        self._several = several if several > 1 else 0  # steps in the graph of several; 0: there is none
        # as the host knows it: position in the epoch (the first step begins one), steps since the last evaluation, and
        # steps on whole batches that wait to be launched with those that follow
        self._at, self._begun, self._waiting = self._sequences, 0, 0
        state = learner.state()
        try:
            self._capture_all(state)
        except CannotCapture:
            self.discard()
            learner.load_state(state)
            raise
        except BaseException:
            self.discard()
            raise

    def restart(self, plan: StepPlan, placed: tuple[Sequences, Sequences]) -> None:
        """Begin another training from the learner's present state, without a capture.

        The plan's batch size, interval and shapes of data must be those that the stepper was made for.
        """
        self._plan = plan
        data.copy_into(self._train, placed[0])
        data.copy_into(self._valid, placed[1])
        self._counters.zero_()
        self._copy_state()
        self._at, self._begun, self._waiting = self._sequences, 0, 0
        self._stream.synchronize()  # `placed` may be let go of

    def step(self) -> None:
        if self._at >= self._sequences:
            self._launch_waiting()
            order = torch.from_numpy(np.ascontiguousarray(next(self._plan.orders), dtype=np.int64))
            self._order.copy_(data.pinned(order), non_blocking=True)
            self._position.zero_()
            self._at = 0
        size = min(self._batch, self._sequences - self._at)
        self._at += size
        self._begun += 1
        if size == self._batch and self._several:
            self._waiting += 1
            if self._waiting == self._several:
                self._several_steps.replay()
                self._waiting = 0
            return
        self._launch_waiting()
        self._steps[size].replay()

    def ask(self) -> None:
        self._launch_waiting()
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
        if self.discards_when_closed:
            self.discard()

    def discard(self) -> None:
        """Let go of the graphs: the stepper is of no use any more."""
        self._stream.synchronize()
        retired, self._graphs = self._graphs, []
        self._steps.clear()
        self._retire(retired)

    def _launch_waiting(self) -> None:
        for _ in range(self._waiting):
            self._steps[self._batch].replay()
        self._waiting = 0

    def _capture_all(self, state: dict[str, Array]) -> None:
        pool = torch.cuda.graph_pool_handle()
        for size in self._sizes:
            eager = self._rehearse(lambda size=size: self._work(size))  # type: ignore[misc]
            self._rewind(state)
            graph = self._steps[size] = self._capture(lambda size=size: self._work(size), pool)  # type: ignore[misc]
            check_equal(self._rehearse(graph.replay), eager)
            self._rewind(state)
        if self._several:
            self._several_steps = self._capture(self._work_several, pool)
            for _ in range(self._several):
                self._steps[self._batch].replay()
            one_by_one = np.array(self._losses[: self._several].cpu().numpy())
            self._rewind(state)
            self._several_steps.replay()
            check_equal(np.array(self._losses[: self._several].cpu().numpy()), one_by_one)
            self._rewind(state)
        self._evaluation = self._capture(self._evaluate, pool)
        self._keeping = self._capture(self._copy_state, pool)

    def _rewind(self, state: dict[str, Array]) -> None:
        """To the beginning of the training."""
        self._torch.load_state(state)
        self._counters.zero_()

    def _work(self, size: int) -> None:
        """A whole step on the next `size` sequences of the epoch."""
        index = self._order.index_select(0, self._position + self._offsets[:size])
        loss = self._torch.train_step(self._take(self._train, index))
        self._losses.index_copy_(0, self._count, loss.reshape(1))
        self._counters.add_(self._advance[size])

    def _work_several(self) -> None:
        for _ in range(self._several):
            self._work(self._batch)

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
                without_waiting(work)
            else:
                work()
        return np.array(self._losses[:REHEARSALS].cpu().numpy())

    def _capture(self, work: Callable[[], None], pool: Any) -> torch.cuda.CUDAGraph:
        """Record what `work` does on the member's own stream."""
        self._torch.drop_gradients()  # each graph has its own, from the pool
        graph = torch.cuda.CUDAGraph()
        self._graphs.append(graph)
        try:
            record(graph, work, pool, self._torch.device)
        finally:
            self._torch.drop_gradients()
        return graph
