"""Steps and evaluations of a stack as CUDA graphs: one launch for all of its trainings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from bench.models.torch_learner.capture import CannotCapture, Graphs, check_equal, record, reset_all, without_waiting
from bench.models.torch_learner.graph import REHEARSALS
from bench.models.torch_learner.precision import use_precision
from bench.models.torch_learner.stacked.batches import Batches
from bench.models.torch_learner.stacked.trainings import StackedTrainings
from bench.models.torch_learner.stacked.twins import KERNEL
from tasks.contract import Array


class StackedGraphs:
    """Launches `step` and `evaluate` of a stack; `kernel` is how a record calls that.

    Before the first training begins, three steps are done eagerly and then replayed, and must give the same losses;
    where they do not, or a step can't be captured, all is done eagerly. It works on the stream that is current where it
    is made, and leaves the stack's states as they were. retire: given graphs that will not be replayed again.
    """

    def __init__(self, stack: StackedTrainings, retire: Callable[[Graphs], None] = reset_all) -> None:
        self._stack, self._retire = stack, retire
        self._graphs: list[torch.cuda.CUDAGraph] = []
        self.step, self.evaluate, self.kernel = stack.step, stack.evaluate, KERNEL
        if stack.device.type == "cuda":
            use_precision(stack.settings.precision)
        try:
            self._capture_all()
        except CannotCapture:
            self.discard()
            self.step, self.evaluate, self.kernel = stack.step, stack.evaluate, KERNEL
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Let go of the graphs, once the stream has nothing to do."""
        retired, self._graphs = self._graphs, []
        self._retire(retired)

    def _capture_all(self) -> None:
        stack, pool = self._stack, torch.cuda.graph_pool_handle()
        state, steps = stack.state.clone(), stack.steps.copy()

        def rewind() -> None:
            stack.state.copy_(state)
            stack.steps[:] = steps

        try:
            eager = self._rehearse(stack.step)
            rewind()
            replayed = self._capture(stack.step, pool)
            check_equal(self._rehearse(replayed), eager)
        finally:
            rewind()
        stack.evaluate()
        self.step, self.evaluate, self.kernel = replayed, self._capture(stack.evaluate, pool), f"{KERNEL}+graph"

    def _rehearse(self, step: Callable[[], None]) -> Array:
        """Losses of a few steps, each on the first batch: `(REHEARSALS, N)`."""
        stack = self._stack
        rows = np.tile(np.arange(stack.batch), (REHEARSALS, 1))
        everywhere = range(stack.trainings)
        batches = dict.fromkeys(everywhere, Batches(rows, np.full(REHEARSALS, stack.batch)))
        stack.feed(batches, dict.fromkeys(everywhere, stack.settings.learning_rate))
        for number in range(REHEARSALS):
            if number and step == stack.step:  # the first one sets things up, and may wait for that
                without_waiting(step)
            else:
                step()
        return np.array(stack.losses[:REHEARSALS].cpu().numpy())

    def _capture(self, work: Callable[[], None], pool: object) -> Callable[[], None]:
        graph = torch.cuda.CUDAGraph()
        self._graphs.append(graph)
        record(graph, work, pool, self._stack.device)
        return graph.replay
