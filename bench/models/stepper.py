"""Steps and evaluations of one training, as work that is started and whose results are read later.

The training loop uses only this interface. The same loop therefore trains one learner at a time (`EagerStepper`, whose
results are available at once) and many on one GPU (`torch_learner.graph.GraphStepper`, whose results arrive later).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.models.contract import Learner
from tasks.contract import Array, Dataset


@dataclass(frozen=True)
class StepPlan:
    """The data and the order of a stepper's steps.

    orders: an endless sequence of permutations of the training data, one for each epoch. interval: the largest number
    of steps between two evaluations. rate_changes: whether steps between two evaluations differ in their learning rate,
    which is set before each.
    """

    dataset: Dataset
    orders: Iterator[Array]
    batch_size: int
    interval: int
    rate_changes: bool = False


class Stepper(ABC):
    """Makes steps of one learner over endless epochs, and evaluates it on validation data between them."""

    kernel: str  # the learner's kernel, with "+graph" if steps are replayed from a CUDA graph

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    @abstractmethod
    def step(self) -> None:
        """Start one optimiser step on the next batch, after all work started before."""

    def ask(self) -> None:
        """Start an evaluation of the weights after the steps so far; `answer` returns it once `ready`."""
        return

    def ready(self) -> bool:
        """Whether `answer` would return without waiting."""
        return True

    @abstractmethod
    def answer(self) -> tuple[Array, Array]:
        """Return (losses of the steps since the last evaluation `(n,)`, raw outputs on validation data).

        No step may be started between `ask` and `answer`.
        """

    @abstractmethod
    def keep(self) -> None:
        """Keep the state of the last evaluation as the best so far."""

    @abstractmethod
    def restore(self) -> None:
        """Load the state that was kept last into the learner; before any `keep`, its initial state."""

    def close(self) -> None:
        """Wait for started work and release memory on the device. It may be called more than once."""
        return


class EagerStepper(Stepper):
    """A stepper that does its work at once, for any learner on any device."""

    def __init__(self, learner: Learner, plan: StepPlan) -> None:
        super().__init__(learner)
        self.kernel = learner.kernel
        self._valid = learner.place(plan.dataset.valid)
        self._batches = _batches(learner, learner.place(plan.dataset.train), plan)
        self._pending: list[Any] = []
        self._best = learner.state()

    def step(self) -> None:
        self._pending.append(self.learner.train_step(next(self._batches)))

    def answer(self) -> tuple[Array, Array]:
        losses, self._pending = self.learner.losses(self._pending), []
        return losses, self.learner.predict(self._valid)

    def keep(self) -> None:
        self._best = self.learner.state()

    def restore(self) -> None:
        self.learner.load_state(self._best)


def _batches(learner: Learner, placed: Any, plan: StepPlan) -> Iterator[Any]:
    for order in plan.orders:
        yield from learner.batches(placed, order, plan.batch_size)
