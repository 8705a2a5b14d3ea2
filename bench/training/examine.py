"""What is measured of a selected trial alone: how far its gradients reach, and what it predicts on its test data.

Most trials of a search are not selected, so this is no part of their training. It needs the trial's weights: the
checkpoint that the trial left or, where that is gone, the same training done again, which ends with the same weights.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bench.records.atomic import FILES
from bench.records.schema import Record, digest
from bench.training.checkpoint import file_name, state_of
from bench.training.data import load_data
from bench.training.jobs import NOT_MEASURED, TrainingJob, predictions_file
from bench.training.loop import Progress
from bench.training.request import Training
from bench.training.train import build_learner, gradient_flow_of

FIRST = float("inf")  # the cost of a job that starts before all others of its turn


@dataclass(frozen=True)
class ExamineJob:
    """Examine a selected trial.

    weights: the content of its checkpoint; None: train it again. keep_model: the checkpoint stays beside the record.
    """

    training: Training
    weights: bytes | None = field(default=None, repr=False)
    keep_model: bool = False

    @property
    def label(self) -> str:
        return f"examining {self._again.label}"

    @property
    def steps(self) -> int:
        return self._again.steps if self.weights is None else 1

    @property
    def epoch_steps(self) -> int | None:
        return self._again.epoch_steps if self.weights is None else None

    @property
    def device(self) -> str:
        return self.training.settings.device if self.weights is None else "cpu"

    @property
    def cost(self) -> float:
        """It comes first: then its replicate is complete, and the files of the other trials can be removed."""
        return FIRST

    @property
    def _again(self) -> TrainingJob:
        return TrainingJob(self.training, examine=True, keep_model=self.keep_model)

    def key(self) -> str:
        return digest(["examine", self.training.key()])

    def describe(self) -> Record:
        return {**self.training.describe(), "key": self.key(), "examined": self.training.key()}

    def perform(self, progress: Progress) -> Record:
        state = None if self.weights is None else state_of(self.weights)
        if state is None or self.weights is None:
            return self._train_again(progress)
        training = replace(self.training, settings=replace(self.training.settings, device="cpu"))
        dataset = load_data(training.task, training.seed, training.replicate)
        learner = build_learner(training, dataset)
        learner.load_state(state)
        outputs = learner.predict(learner.place(dataset.test))
        parameters = {**asdict(learner.parameter_count), "total": learner.parameter_count.total}
        flow = gradient_flow_of(training, dataset, learner)
        files = predictions_file(self.training, dataset, learner.state(), outputs)
        if self.keep_model:
            files[file_name(learner, self.training.key())] = self.weights
        return self._record("ok", None, parameters=parameters, gradient_flow=flow, **{FILES: files})

    def _train_again(self, progress: Progress) -> Record:
        trained = self._again.perform(progress)
        kept = {name: trained[name] for name in ("parameters", "gradient_flow", FILES) if name in trained}
        return self._record(trained["status"], trained["error"], **kept)

    def _record(self, status: str, error: str | None, **measured: Any) -> Record:
        return {**self.describe(), **NOT_MEASURED, "status": status, "error": error, **measured}
