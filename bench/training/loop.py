"""The training loop: optimiser steps, evaluations between them, and the decision when to stop.

It is a generator that pauses at points where another training may continue. A worker runs it without interruption
(`finish`); a cohort alternates between many trainings.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import numpy as np

from bench.models.stepper import Stepper
from bench.training.plateau import Plateau
from bench.training.request import Training
from bench.training.schedule import rate_factor
from tasks.contract import Array, Dataset
from tasks.losses import split_loss

FIRST_STEPS = (1, 2, 5, 10, 20, 30, 40, 50)  # their losses are recorded exactly, to compare two codes
CURVE = ("step", "train_loss", "valid_loss", "valid_metric", "learning_rate")
TURN_STEPS = 32  # steps between two pauses
DIVERGED_RATIO = 1e3  # a validation loss this many times its initial value counts as diverged

# called at each evaluation with step, training loss, validation loss, validation metric, learning rate, as in `CURVE`
Progress = Callable[[int, float | None, float, float | None, float], None]

Result = TypeVar("Result")
Turns = Generator[None, None, Result]  # work that pauses at points where other trainings may continue


def finish(turns: Turns[Result]) -> Result:
    """Run the generator to its end and return its result."""
    while True:
        try:
            next(turns)
        except StopIteration as end:
            result: Result = end.value
            return result


Apart = Callable[[Callable[[], Result]], Turns[Result]]


def at_once(work: Callable[[], Result]) -> Turns[Result]:
    """Do work that needs no device here and now; a cohort has another thread do it, while others take their turns."""
    yield from ()
    return work()


class Loop:
    """The optimiser steps and the evaluations between them."""

    def __init__(
        self,
        training: Training,
        dataset: Dataset,
        stepper: Stepper,
        progress: Progress,
        apart: Apart[tuple[float, float | None]] = at_once,
    ) -> None:
        """apart: where evaluations are scored."""
        self._apart = apart
        self.training, self.dataset, self.stepper, self.progress = training, dataset, stepper, progress
        self.curve: dict[str, list[Any]] = {name: [] for name in CURVE}
        self.first_losses: dict[str, list[Any]] = {"step": [], "train_loss": []}
        self.began, self.seconds = time.perf_counter(), list[float]()
        self.best_loss = math.inf
        self.plateau = Plateau(training.plateau_patience)
        self.base_rate = stepper.learner.learning_rate  # without the schedule's factor

    def run(self) -> Turns[str | None]:
        """Train to the end of the budget. Returns the reason for stopping early, or None."""
        interval, last, step = self.training.interval, self._last_step(), 0
        stopped = yield from self._evaluate(step)
        while stopped is None and step < last and not self._is_solved():
            for step in range(step + 1, min(step + interval, last) + 1):  # noqa: B020 - continues from the last step
                self._set_rate(step)
                self.stepper.step()
                if step % TURN_STEPS == 0:
                    yield
            stopped = yield from self._evaluate(step)
        return stopped

    def _set_rate(self, step: int) -> None:
        """Give the next step, number `step`, the learning rate that the schedule has for it."""
        training = self.training
        if training.rate_changes_each_step:
            factor = rate_factor(training.schedule, training.warmup, training.steps, step)
            self.stepper.learner.learning_rate = self.base_rate * factor

    def _last_step(self) -> int:
        """The last step of the budget, or of the passes after which the learner learns nothing more."""
        last, passes = self.training.last_step, self.stepper.learner.passes
        if passes is None:
            return last
        return min(last, passes * math.ceil(len(self.dataset.train) / self.training.batch_size))

    def _is_solved(self) -> bool:
        """Whether the training ends because it stops at its target and has reached it."""
        target = self.training.task.target
        value = self.curve["valid_loss" if target.metric == "loss" else "valid_metric"][-1]
        return self.training.stop_at_target and value is not None and target.reached(value)

    def _evaluate(self, step: int) -> Turns[str | None]:
        self.stepper.ask()
        yield
        while not self.stepper.ready():
            yield
        losses, outputs = self.stepper.answer()
        valid_loss, metric = yield from self._apart(lambda: self._score(outputs))
        return self._judge(step, losses, valid_loss, metric)

    def _score(self, outputs: Array) -> tuple[float, float | None]:
        """(Validation loss, the target's metric or None where it is the loss); of outputs that are not finite, NaN."""
        task, valid = self.training.task, self.dataset.valid
        if not np.isfinite(outputs).all():
            return math.nan, None
        valid_loss = split_loss(task.loss, outputs, valid)
        if task.target.metric == "loss":
            return valid_loss, None
        return valid_loss, task.score(outputs, valid)[task.target.metric]

    def _judge(self, step: int, losses: Array, valid_loss: float, metric: float | None) -> str | None:
        """Add an evaluation to the curve; returns why the training must stop, or None.

        losses: of the steps since the last evaluation.
        """
        learner = self.stepper.learner
        train_loss = float(np.mean(losses)) if len(losses) else None
        self._keep_first(step, losses)
        rate = learner.learning_rate  # of the step that led here
        for key, value in zip(CURVE, (step, train_loss, valid_loss, metric, rate), strict=True):
            self.curve[key].append(finite_or_none(value))
        self.seconds.append(time.perf_counter() - self.began)
        self.progress(step, train_loss, valid_loss, metric, rate)
        if not math.isfinite(valid_loss) or (train_loss is not None and not math.isfinite(train_loss)):
            return f"the loss was not finite at step {step}"
        if valid_loss > DIVERGED_RATIO * max(self.curve["valid_loss"][0], 1e-12):
            return f"the validation loss at step {step} was over {DIVERGED_RATIO:g} times its initial value"
        if valid_loss < self.best_loss:
            self.best_loss = valid_loss
            self.stepper.keep()
        if step > self.training.warmup:  # after an epoch, not before the first, as usual in training loops
            self.base_rate = self.plateau.next_rate(self.base_rate, valid_loss)
            if not self.training.rate_changes_each_step:
                learner.learning_rate = self.base_rate
        return None

    def _keep_first(self, step: int, losses: Array) -> None:
        """losses: those of the steps up to `step`."""
        before = step - len(losses)
        for first in FIRST_STEPS:
            if before < first <= step:
                self.first_losses["step"].append(first)
                self.first_losses["train_loss"].append(finite_or_none(float(losses[first - before - 1])))


def finite_or_none(value: float | None) -> float | None:
    """As records keep a number: NaN and infinity are missing."""
    return value if value is not None and math.isfinite(value) else None
