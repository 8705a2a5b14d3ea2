"""Steps and evaluations of a stack as CUDA graphs: one launch for all of its trainings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from bench.models.search_twin import STACKED
from bench.models.torch_learner.capture import CannotCapture, Graphs, check_equal, record, reset_all, without_waiting
from bench.models.torch_learner.graph import REHEARSALS
from bench.models.torch_learner.precision import use_precision
from bench.models.torch_learner.stacked.batches import Batches
from bench.models.torch_learner.stacked.trainings import StackedTrainings
from tasks.contract import Array

TOLERANCES = {"float32": 1e-3, "tf32": 3e-2}  # relative, between a stack's first losses and the model's own on a CPU


class StackDiffers(Exception):  # noqa: N818 - an answer, not an error
    """The first steps of a stack are not those of the model itself."""


class StackedGraphs:
    """Launches `step` and `evaluate` of a stack; `kernel` is how a record calls that.

    Before the first training begins, three steps are done eagerly and then replayed, and must give the same losses;
    where they do not, or a step can't be captured, all is done eagerly. It works on the stream that is current where it
    is made, and leaves the stack's states as they were.
    """

    def __init__(self, stack: StackedTrainings, expected: Array, retire: Callable[[Graphs], None] = reset_all) -> None:
        """expected: losses `(REHEARSALS,)` that the model itself gives to the training in place 0, all of them on the
        first batch in the order of the data; StackDiffers where these are others. retire: given graphs that will not be
        replayed again.
        """
        self._stack, self._expected, self._retire = stack, expected, retire
        self._graphs: list[torch.cuda.CUDAGraph] = []
        self.step, self.evaluate, self.kernel = stack.step, stack.evaluate, STACKED
        if stack.device.type == "cuda":
            use_precision(stack.settings.precision)
        try:
            self._capture_all()
        except CannotCapture:
            self.discard()
            self.step, self.evaluate, self.kernel = stack.step, stack.evaluate, STACKED
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
            self._check(eager[:, 0])
            rewind()
            replayed = self._capture(stack.step, pool)
            check_equal(self._rehearse(replayed), eager)
        finally:
            rewind()
        stack.evaluate()
        self.step, self.evaluate, self.kernel = replayed, self._capture(stack.evaluate, pool), f"{STACKED}+graph"

    def _check(self, losses: Array) -> None:
        tolerance = TOLERANCES[self._stack.settings.precision]
        if not np.allclose(losses, self._expected, rtol=tolerance, atol=0, equal_nan=True):
            raise StackDiffers(f"a stack's first losses are {losses}, the model's own {self._expected}")

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
