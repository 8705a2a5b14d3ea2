"""One training's steps and evaluations, as work that is begun here and read back later.

The trainer calls a stepper and never a device, so the same loop trains one learner at a time (`EagerStepper`, whose
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
class Plan:
    """The data that a stepper trains on, and in which order.

    orders: an endless sequence of permutations of the training data, one an epoch. interval: the most steps between two
    evaluations.
    """

    dataset: Dataset
    orders: Iterator[Array]
    batch_size: int
    interval: int


class Stepper(ABC):
    """Steps of one learner over endless epochs, and its predictions on validation data between them."""

    kernel: str  # what runs: the learner's, with "+graph" where steps are replayed from a CUDA graph

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    @abstractmethod
    def step(self) -> None:
        """Begin one optimiser step on the next batch, after all that was begun before."""

    def ask(self) -> None:
        """Begin an evaluation of the weights as the steps so far leave them; `answer` has it once `ready`."""
        return

    def ready(self) -> bool:
        """Whether `answer` would not wait."""
        return True

    @abstractmethod
    def answer(self) -> tuple[Array, Array]:
        """(losses of the steps since the last evaluation `(n,)`, raw outputs on validation data) for the last `ask`.

        No step may be begun between the two.
        """

    @abstractmethod
    def keep(self) -> None:
        """Remember the state of the last evaluation: the best so far."""

    @abstractmethod
    def restore(self) -> None:
        """Give the learner the state that was kept last (from the start: its initial one)."""

    def close(self) -> None:
        """Wait for what was begun and let go of what is held on the device; more than once does no harm."""
        return


class EagerStepper(Stepper):
    """Every call does its work at once; any learner on any device."""

    def __init__(self, learner: Learner, plan: Plan) -> None:
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


def _batches(learner: Learner, placed: Any, plan: Plan) -> Iterator[Any]:
    for order in plan.orders:
        yield from learner.batches(placed, order, plan.batch_size)
