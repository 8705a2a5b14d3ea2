"""Choose the stepper of a training that shares its process with others, or refuse one that cannot share it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from bench.models.contract import Learner
from bench.models.stepper import EagerStepper, Stepper, StepPlan
from bench.models.torch_learner.capture import CannotCapture
from bench.models.torch_learner.graph import GraphStepper
from bench.models.torch_learner.learner import TorchLearner


class MustBeAlone(Exception):  # noqa: N818 - an answer, not an error
    """A step draws from torch's global generators, which no two trainings can share: not even by turns.

    cuDNN keeps the state of its dropout apart, a single one for each GPU, and no call saves or restores it.
    """


def open_shared_stepper(
    learner: Learner,
    plan: StepPlan,
    *,
    alone: bool,
    capture: Callable[[TorchLearner, StepPlan], Stepper] = GraphStepper,
) -> Stepper:
    """The quickest stepper that keeps this training to itself. On a GPU a step that can't be captured is done eagerly.

    alone: nothing else is trained until it has ended; raises MustBeAlone where it would have to be and is not.
    capture: makes a stepper that replays graphs, or raises CannotCapture.
    """
    if not isinstance(learner, TorchLearner):
        return EagerStepper(learner, plan)
    if draws_random_numbers(learner, plan):
        if not alone:
            raise MustBeAlone
        return EagerStepper(learner, plan)
    if learner.on_gpu:
        try:
            return capture(learner, plan)
        except CannotCapture:
            pass  # the stepper that follows has its own kernel's name, without "+graph": the record says so
    return EagerStepper(learner, plan)


def draws_random_numbers(learner: TorchLearner, plan: StepPlan) -> bool:
    """Whether a training step draws from torch's global generators. The learner and they are left as they were."""
    if learner.has_dropout or learner.is_builtin_rnn:
        return learner.has_dropout
    state, before = learner.state(), _generators(learner.device)
    placed = learner.place(plan.dataset.train)
    batch = next(iter(learner.batches(placed, np.arange(len(plan.dataset.train)), plan.batch_size)))
    learner.train_step(batch)
    after = _generators(learner.device)
    learner.load_state(state)
    torch.set_rng_state(before[0])
    if len(before) > 1:
        torch.cuda.set_rng_state(before[1], learner.device)
    return any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def _generators(device: torch.device) -> list[torch.Tensor]:
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states
