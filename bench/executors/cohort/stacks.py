"""Trainings of one shape in a stack on the GPU: who is in it, and when it makes its steps.

The members of a stack make each step together, so none can go on while another has not said how far it goes. Each says
so by asking for an evaluation. Once all have, the stack launches as many steps as the nearest evaluation is away, and
those who have come to it are answered; who joins begins with the others' next evaluation.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import torch

from bench.models.contract import Learner, Problem
from bench.models.stepper import Stepper, StepPlan
from bench.models.torch_learner import data
from bench.models.torch_learner.data import Sequences
from bench.models.torch_learner.shared import MustBeAlone
from bench.models.torch_learner.stacked.batches import BatchQueue
from bench.models.torch_learner.stacked.graph import StackedGraphs
from bench.models.torch_learner.stacked.trainings import ROWS, StackedTrainings
from bench.training.jobs import is_out_of_memory
from tasks.contract import Array

Placed = tuple[Sequences, Sequences]  # training and validation data


class Stack:
    """A stack and its members, on the stream that is current where it is made and wherever it is used."""

    def __init__(self, trainings: StackedTrainings, graphs: StackedGraphs) -> None:
        self.trainings, self.graphs = trainings, graphs
        self.free = list(range(trainings.trainings))  # places
        self._members: list[StackedStepper] = []
        self._to_keep: list[int] = []
        self._error: BaseException | None = None
        self._host_outputs = self._host(trainings.outputs)
        self._done: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]

    @property
    def idle(self) -> bool:
        """Whether all of its places are free."""
        return len(self.free) == self.trainings.trainings

    @property
    def broken(self) -> bool:
        """Whether an error has spoilt it, for all of its members."""
        return self._error is not None

    def enter(self, member: StackedStepper) -> None:
        self._members.append(member)

    def leave(self, member: StackedStepper) -> None:
        """Its place stays taken; who has it gives that back."""
        if member in self._members:
            self._members.remove(member)
            self.advance()

    def keep(self, place: int) -> None:
        """Keep a member's state as its best, before it makes another step."""
        self._to_keep.append(place)

    def best_state(self, place: int) -> dict[str, Array]:
        self._keep_now()
        return self.trainings.best_state(place)

    def ready(self) -> bool:
        """Whether the last evaluation is there. Raises what has spoilt the stack."""
        if self._error is not None:
            self._fail(self._error)
        return bool(self._done.query())

    def answer(self, place: int) -> Array:
        """A member's raw outputs of the last evaluation."""
        self._done.synchronize()
        return self.trainings.outputs_of(self._host_outputs, place)

    def advance(self) -> None:
        """Launch what all members wait for, if they all do."""
        if self._error is not None:
            return
        try:
            while self._members and all(member.asked for member in self._members):
                self._launch()
        except BaseException as error:
            self._error = error
            self._fail(error)

    def _fail(self, error: BaseException) -> NoReturn:
        """Raise it in a member's turn: MustBeAlone where it is memory, of which each member alone needs far less."""
        if is_out_of_memory(error):
            raise MustBeAlone from error
        raise error

    def _launch(self) -> None:
        self._keep_now()
        there = [member for member in self._members if member.begun]
        steps = min((member.pending for member in there), default=0)
        for start in range(0, steps, ROWS):
            self._make_steps(there, min(ROWS, steps - start))
        for member in self._members:
            if not member.begun:
                self.trainings.load(member.place, member.initial, *member.placed)
                member.begun = True
        due = [member for member in self._members if not member.pending]
        if not due:
            return
        self.graphs.evaluate()
        self._host_outputs.copy_(self.trainings.outputs, non_blocking=True)
        self._done.record(torch.cuda.current_stream(self.trainings.device))
        for member in due:
            member.asked = False

    def _make_steps(self, members: list[StackedStepper], count: int) -> None:
        """The next steps of all members that have begun."""
        batches = {member.place: member.batches.take(count) for member in members}
        self.trainings.feed(batches, {member.place: member.learner.learning_rate for member in members})
        for _ in range(count):
            self.graphs.step()
        losses = self._host(self.trainings.losses[:count])
        losses.copy_(self.trainings.losses[:count], non_blocking=True)
        for member in members:
            member.pending -= count
            member.losses.append(losses)

    def _keep_now(self) -> None:
        if self._to_keep:
            self.trainings.keep(self._to_keep)
            self._to_keep = []

    def _host(self, like: torch.Tensor) -> torch.Tensor:
        values = torch.zeros(like.shape, dtype=like.dtype)
        return data.pinned(values) if self.trainings.device.type == "cuda" else values


class StackedStepper(Stepper):
    """One member's steps, which its stack makes.

    asked: it waits for an evaluation. pending: steps until then. begun: its state and data are in its place.
    """

    def __init__(self, learner: Learner, plan: StepPlan, stack: Stack, place: int, placed: Placed) -> None:
        super().__init__(learner)
        self.kernel = stack.graphs.kernel
        self.place, self.placed, self.initial = place, placed, learner.state()
        self.batches = BatchQueue(plan.orders, stack.trainings.batch)
        self.asked, self.begun, self.pending = False, False, 0
        self.losses: list[torch.Tensor] = []  # of the steps since the last evaluation, all members'
        self._stack = stack
        stack.enter(self)

    def step(self) -> None:
        self.pending += 1

    def ask(self) -> None:
        self.asked = True
        self._stack.advance()

    def ready(self) -> bool:
        return self._stack.ready() and not self.asked

    def answer(self) -> tuple[Array, Array]:
        outputs = self._stack.answer(self.place)
        losses = [part[:, self.place].numpy().astype(np.float64) for part in self.losses]
        self.losses = []
        return np.concatenate([np.empty(0), *losses]), outputs

    def keep(self) -> None:
        self._stack.keep(self.place)

    def restore(self) -> None:
        self.learner.load_state(self._stack.best_state(self.place))

    def close(self) -> None:
        self._stack.leave(self)


def bytes_of(
    problem: Problem, hidden_size: int, num_layers: int, batch_size: int, number_bytes: int, data_bytes: int
) -> int:
    """About how much memory a member of a stack takes: what a step keeps for its backward pass, and its data.

    For each sequence, time step, layer and unit: 13 numbers forward (a GRU's gates twice, its workspace, its output and
    the next layer's input) and 13 backward.
    """
    return number_bytes * batch_size * problem.sequence_length * num_layers * hidden_size * 26 + 2 * data_bytes
