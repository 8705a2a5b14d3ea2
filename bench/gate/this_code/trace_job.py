"""Train the first steps of a cell in float64 on one CPU thread, for `bench.gate.trace`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from bench.gate.this_code.sketch_job import sketches_of
from bench.gate.trace import EVALUATED_EVERY, STEPS, start_of, trace_of
from bench.models.contract import Learner
from bench.models.stepper import EagerStepper, StepPlan
from bench.records.schema import Record, digest
from bench.training.data import batches_of, load_data
from bench.training.jobs import Job
from bench.training.loop import Progress, finish
from bench.training.request import Training
from bench.training.train import build_learner, train_in_turns
from tasks.contract import Array, Dataset

MOMENT = "adam.m."  # Adam's first moment, which after one step is (1 − β₁) times the gradient
FIRST_MOMENT_SHARE = 0.1  # 1 − β₁


class TracedStepper(EagerStepper):
    """Keeps the training loss of every step, of which a record has only some."""

    def __init__(self, learner: Learner, plan: StepPlan) -> None:
        super().__init__(learner, plan)
        self.train_losses: list[float] = []

    def answer(self) -> tuple[Array, Array]:
        losses, outputs = super().answer()
        self.train_losses += [float(loss) for loss in losses]
        return losses, outputs


@dataclass(frozen=True)
class TraceJob(Job):
    """The real training loop for `STEPS` steps, so that whatever a training does is in the trace."""

    training: Training

    device = "cpu"
    steps = STEPS

    @property
    def label(self) -> str:
        return f"first steps in float64: {self.training.label()}"

    def key(self) -> str:
        return digest(["trace", self.traced.key()])

    @property
    def traced(self) -> Training:
        """The training that is traced."""
        settings = replace(self.training.settings, dtype="float64", precision="float32", device="cpu")
        return replace(
            self.training,
            settings=settings,
            evaluation_interval=EVALUATED_EVERY,
            stop_after=min(STEPS, self.training.steps),
            stop_at_target=False,
            on_test_data=False,
        )

    def perform(self, progress: Progress) -> Record:
        """{"trace"}: quantity -> value."""
        opened: list[TracedStepper] = []

        def open_stepper(learner: Learner, plan: StepPlan) -> TracedStepper:
            opened.append(TracedStepper(learner, plan))
            return opened[0]

        record = finish(train_in_turns(self.traced, progress, None, open_stepper))
        dataset = load_data(self.training.task, self.training.seed, self.training.replicate)
        learner = build_learner(self.traced, dataset)
        start = start_of(sketches_of(self.traced, learner, dataset))
        trace = trace_of(opened[0].train_losses, record["curve"], self._gradient_norm(learner, dataset))
        return {**self.describe(), "status": "ok", "error": None, "trace": {**start, **trace}}

    def _gradient_norm(self, learner: Learner, dataset: Dataset) -> float:
        """Of the first step, which the learner takes; NaN for a learner that keeps no first moment of Adam's."""
        learner.train_step(next(batches_of(self.traced, learner, dataset.train)))
        moments = [value for name, value in learner.state().items() if name.startswith(MOMENT)]
        if not moments:
            return math.nan
        return math.sqrt(sum(float(np.sum(np.square(value))) for value in moments)) / FIRST_MOMENT_SHARE
