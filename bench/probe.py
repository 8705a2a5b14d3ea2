"""Look at the machine from inside a worker, before the first training: so the parent need not import torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.loop import Progress
from bench.models.contract import Problem
from bench.records import SCHEMA, Record
from bench.training import Training, load_data
from tasks.errors import UserError


@dataclass(frozen=True)
class ProbeJob:
    """Describe the environment and pick the device.

    representative: the training whose step is timed for "auto". uses_torch: whether any model does; if not, torch is
    not loaded to look at it.
    """

    requested: str
    representative: Training
    workers: int
    uses_torch: bool

    device = "cpu"  # where it is done: what it looks at is all that a worker sees
    label = "looking at the machine"
    steps = 1
    epoch_steps = None
    cost = 0.0

    def key(self) -> str:
        return "probe"

    def describe(self) -> Record:
        return {"schema": SCHEMA, "key": self.key()}

    def perform(self, progress: Progress) -> Record:
        """{"environment", "fingerprint", "device", "reason", "gpus"}, or {"refused"} with a sentence for the user."""
        from bench.measure.device import check_precision, choose_device, visible_gpus
        from bench.measure.environment import describe, fingerprint
        from bench.measure.timing import step_seconds

        training = self.representative
        split = load_data(training.task, training.seed, training.replicate).train
        problem = Problem.of(training.task, split)

        def measure(device: str) -> float:
            settings = replace(training.settings, device=device)
            return step_seconds(training.model, settings, split, problem, training.batch_size)

        try:
            if self.requested == "auto" and not self.uses_torch:
                device, reason = "cpu", "cpu: none of the models runs on a GPU."
            else:
                device, reason = choose_device(self.requested, measure, workers=self.workers)
            check_precision(training.settings.precision, device)
        except UserError as error:
            return {**self.describe(), "refused": str(error)}
        environment = describe(uses_torch=self.uses_torch)
        found = {"environment": environment, "fingerprint": fingerprint(environment)}
        gpus = visible_gpus(_count_gpus()) if device == "cuda" else []
        return {**self.describe(), **found, "device": device, "reason": reason, "gpus": gpus}


def _count_gpus() -> int:
    import torch

    return torch.cuda.device_count()
