"""What workers are asked to do: train, and time a configuration.

A job is picklable and pure: its record depends on nothing but the job. What belongs to the experiment alone (its name,
stage, trial number) is added by the parent, which is the only one to write.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from bench.measure.effort import Effort
from bench.models.contract import Learner, Problem, weights_of
from bench.records import predictions
from bench.records.atomic import FILES, LENT
from bench.records.schema import SCHEMA, Record, digest
from bench.training import checkpoint
from bench.training.data import data_facts, load_data
from bench.training.loop import Apart, Progress, Turns, at_once
from bench.training.request import Training
from bench.training.train import Build, OpenStepper, build_learner, prepare_gradient_flow, train, train_in_turns
from tasks.contract import Array, Dataset
from tasks.errors import UserError, is_stop

NOT_MEASURED = dict.fromkeys(
    (
        "curve",
        "first_losses",
        "steps_to_target",
        "test",
        "parameters",
        "wall_seconds",
        "cpu_seconds",
        "peak_bytes",
        "energy_joules",
        "kernel",
        "hashes",
        "gradient_flow",
    )
)


# what torch's allocators on a GPU and on a CPU, the CUDA runtime, cuBLAS and cuDNN say
OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "ALLOCATION_FAILED",  # cuDNN 9: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED, and of the host's memory
)


class Job(Protocol):
    """One thing for a worker to do. What has a value here has that of a job that trains nothing and is soon done."""

    @property
    def label(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def epoch_steps(self) -> int | None:
        """Optimiser steps of an epoch; None: it trains nothing."""
        return None

    @property
    def device(self) -> str:
        """Where it computes: "cpu" or "cuda"."""
        ...

    @property
    def cost(self) -> float:
        """About how long it takes, in any unit that is the same for all jobs: long ones start first."""
        return 0.0

    def key(self) -> str: ...

    def describe(self) -> Record:
        """What its record says before it is performed."""
        return {"schema": SCHEMA, "key": self.key()}

    def perform(self, progress: Progress) -> Record: ...


@dataclass(frozen=True)
class TrainingJob:
    """examine: measure gradient flow and leave the predictions beside the record. keep_model: leave a checkpoint there.
    lend_model: leave one that is removed again once a trial has been examined.

    All only where the training is scored on test data.
    """

    training: Training
    examine: bool = False
    keep_model: bool = False
    lend_model: bool = False

    @property
    def label(self) -> str:
        return self.training.label() + (f" replicate {self.training.replicate}" if self.training.replicate else "")

    @property
    def steps(self) -> int:
        return self.training.last_step

    @property
    def epoch_steps(self) -> int | None:
        t = self.training
        # the same in all replicates, unless they are origins of a series
        return -(-data_facts(t.task, t.seed, t.replicate if t.task.origin else 0).train // t.batch_size)

    @property
    def device(self) -> str:
        return self.training.settings.device

    @property
    def cost(self) -> float:
        t, s = self.training, self.training.settings
        sequence = data_facts(t.task.at(0), t.seed, 0).problem.sequence_length  # the same in all replicates
        # a step's fixed cost is about that of 16 more hidden units
        return float(t.last_step * t.batch_size * sequence * s.num_layers * (16 + s.hidden_size))

    def key(self) -> str:
        return self.training.key()

    def describe(self) -> Record:
        return self.training.describe()

    def perform(self, progress: Progress) -> Record:
        return train(self.training, progress, self._keep)

    def in_turns(
        self,
        progress: Progress,
        open_stepper: OpenStepper,
        effort: Effort,
        build: Build | None = None,
        apart: Apart[Any] = at_once,
    ) -> Turns[Record]:
        """`perform` for a process that does others in between."""
        return train_in_turns(self.training, progress, self._keep, open_stepper, effort, build, apart)

    def _keep(self, dataset: Dataset, learner: Learner, outputs: Array, record: Record) -> Callable[[], None]:
        """Add to the record what was asked for: the checkpoint at once, the rest in what is returned."""
        files: dict[str, bytes] = {}
        if self.keep_model or self.lend_model:
            packed = dict([checkpoint.pack(self.training, learner, dataset, record)])
            if self.keep_model:
                files |= packed
            else:
                record[LENT] = packed
        if files:
            record[FILES] = files
        if not self.examine:
            return lambda: None
        state = learner.state()
        flow = prepare_gradient_flow(self.training, dataset, state)

        def examine() -> None:
            record["gradient_flow"] = flow()
            record[FILES] = predictions_file(self.training, dataset, state, outputs) | files

        return examine


def predictions_file(
    training: Training, dataset: Dataset, state: Mapping[str, Array], outputs: Array
) -> dict[str, bytes]:
    """The file that keeps what a training predicted. state: the learner's. outputs: raw, for the test data."""
    content = predictions.pack(training.task, dataset.test, outputs, weights_of(state), training.model.name)
    return {f"{predictions.FOLDER}/{training.key()}.npz": content}


@dataclass(frozen=True)
class TimingJob(Job):
    """Time a configuration, alone on the machine.

    onednn: False has torch run its own kernels where it would take oneDNN's fused one (the LSTM's on a CPU).
    round: configurations are timed in turn, round by round, so that what slows the machine for a while meets all.
    """

    training: Training
    seconds: float
    environment: str  # a time belongs to a machine
    onednn: bool = True
    round: int = 0

    steps = 1

    @property
    def label(self) -> str:
        return f"timing {self.training.label()}"

    @property
    def device(self) -> str:
        return self.training.settings.device

    def key(self) -> str:
        variant = [*([] if self.onednn else ["without onednn"]), *([f"round {self.round}"] if self.round else [])]
        return digest(["time", self.training.key(), self.seconds, self.environment, *variant])

    def describe(self) -> Record:
        return {**self.training.describe(), "key": self.key(), "replicate": None, "round": self.round}

    def perform(self, progress: Progress) -> Record:
        from bench.measure.flops import step_flops_of
        from bench.measure.timing import allow_onednn, time_learner

        training, s = self.training, self.training.settings
        dataset = load_data(training.task, training.seed, training.replicate)
        problem = Problem.of(training.task, dataset.train)
        flops = step_flops_of(training.model, problem, s.hidden_size, s.num_layers, training.batch_size)
        with allow_onednn(self.onednn):
            learner = build_learner(training, dataset)
            timing = time_learner(
                learner, dataset.train, training.batch_size, flops_per_step=flops, seconds=self.seconds
            )
        timing["state_size"] = training.model.state_size(problem, s.hidden_size, s.num_layers)
        parameters = {**asdict(learner.parameter_count), "total": learner.parameter_count.total}
        measured = {"kernel": learner.kernel, "parameters": parameters, "timing": timing}
        return {**self.describe(), **NOT_MEASURED, "status": "ok", "error": None, **measured}


def attempt(job: Job, progress: Progress) -> Record:
    """Perform a job; an exception becomes a record with its text, so that the others go on.

    So do SystemExit and a KeyboardInterrupt that nobody sent: code of a plug-in can't end the process that it is in.
    """
    try:
        return job.perform(progress)
    except BaseException as error:
        if is_stop(error):
            raise
        return failure_of(job, error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was not enough of it, on the machine or on a GPU. This asks no torch, which may not be loaded."""
    gpu = type(error).__name__ in ("OutOfMemoryError", "AcceleratorError", "RuntimeError")
    return isinstance(error, MemoryError) or (gpu and any(says in str(error) for says in OUT_OF_MEMORY))


def failure_of(job: Job, error: BaseException) -> Record:
    """The record of a job that ended in an exception."""
    if isinstance(error, MemoryError):
        return failure(job, "out_of_memory", "the machine's memory did not suffice")
    status = "out_of_memory" if is_out_of_memory(error) else "failed"
    # a sentence for the user says all; of any other error the class belongs to it
    text = str(error) if isinstance(error, UserError) else "".join(traceback.format_exception_only(error)).strip()
    return failure(job, status, text, "".join(traceback.format_exception(error)))


def failure(job: Job, status: str, error: str, trace: str | None = None, **measured: Any) -> Record:
    """The record of a job that gave none; `measured` is what is known of it all the same."""
    return {**job.describe(), **NOT_MEASURED, "status": status, "error": error, "traceback": trace, **measured}
