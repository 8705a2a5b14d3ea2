"""Look at the machine before the first training, in a worker or a cohort's process: the parent imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.models.contract import Problem
from bench.records.schema import Record
from bench.training.data import load_data
from bench.training.jobs import Job
from bench.training.loop import Progress
from bench.training.request import Training
from tasks.errors import UserError


@dataclass(frozen=True)
class ProbeJob(Job):
    """Describe the environment and pick the device.

    representative: the training whose step is timed for "auto". cohorts: whether trainings will share a GPU.
    uses_torch: whether any model does; if not, torch is not loaded to look at it.
    """

    requested: str
    representative: Training
    workers: int
    cohorts: bool
    uses_torch: bool

    device = "cpu"  # where it is done: what it looks at is all that a worker sees
    label = "looking at the machine"
    steps = 1

    def key(self) -> str:
        return "probe"

    def perform(self, progress: Progress) -> Record:
        """{"environment", "fingerprint", "device", "reason", "gpus", "slowness"}, or {"refused"} with a sentence for
        the user. slowness: of a core (`bench.measure.speed`); None where trainings run on a GPU."""
        from bench.measure.device import check_precision, choose_device, visible_gpus
        from bench.measure.environment import describe, fingerprint
        from bench.measure.speed import slowness

        training = self.representative
        try:
            if self.requested == "auto" and not self.uses_torch:
                device, reason = "cpu", "cpu: none of the models runs on a GPU."
            else:
                device, reason = choose_device(self.requested, self._rate)
            check_precision(training.settings.precision, device)
        except UserError as error:
            return {**self.describe(), "refused": str(error)}
        environment = describe(uses_torch=self.uses_torch)
        found = {"environment": environment, "fingerprint": fingerprint(environment)}
        gpus = visible_gpus(_count_gpus()) if device == "cuda" else []
        slow = slowness() if device == "cpu" else None
        return {**self.describe(), **found, "device": device, "reason": reason, "gpus": gpus, "slowness": slow}

    def _rate(self, device: str) -> tuple[float, str]:
        """Training steps a second that the workers make together, or the GPU, and who that is."""
        from bench.executors.cohort.gpu import Gpu
        from bench.executors.cohort.rate import cohort_rate
        from bench.measure.timing import step_seconds

        training = replace(self.representative, settings=replace(self.representative.settings, device=device))
        if device == "cuda" and self.cohorts:
            rate, members = cohort_rate(training, Gpu())
            return rate, f"the GPU with {members} trainings at once"
        split = load_data(training.task, training.seed, training.replicate).train
        problem = Problem.of(training.task, split)
        seconds = step_seconds(training.model, training.settings, split, problem, training.batch_size)
        if device == "cuda":
            return 1 / seconds, "the GPU"
        return self.workers / seconds, f"{self.workers} CPU workers" if self.workers > 1 else "1 CPU worker"


def _count_gpus() -> int:
    import torch

    return torch.cuda.device_count()
