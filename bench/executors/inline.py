"""Jobs in this very process, one after another: for debugging, and for tests that want a traceback."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import Future

from bench.executors.executor import Evaluation, Executor
from bench.executors.worker import load_plugins, use_one_thread
from bench.records.schema import Record
from bench.training.jobs import Job, attempt
from bench.training.loop import CURVE


class InlineExecutor(Executor):
    """One slot; `submit` returns when the job is done. Torch computes with one thread from here on, as in a worker."""

    submit_waits = True

    def __init__(self, plugins: Sequence[str] = ()) -> None:
        load_plugins(plugins)
        use_one_thread()
        self._evaluations: list[Evaluation] = []
        self._began = 0.0

    @property
    def slots(self) -> int:
        return 1

    def submit(self, job: Job, slot: int) -> Future[Record]:
        self._evaluations, future = [], Future[Record]()
        future.set_result(attempt(job, self._keep))
        return future

    def progress(self, slot: int) -> tuple[int, float]:
        if not self._evaluations:
            return 0, math.nan
        step, loss = (self._evaluations[-1][CURVE.index(name)] for name in ("step", "valid_loss"))
        return int(step or 0), math.nan if loss is None else loss

    def evaluations(self, slot: int, since: int = 0) -> list[Evaluation]:
        return self._evaluations[since:]

    def restart(self, slot: int) -> None:
        """Never needed: no worker dies without this process."""

    def close(self) -> None:
        """Nothing to end."""

    def _keep(self, *evaluation: float | None) -> None:
        now = time.monotonic()
        self._began = self._began if self._evaluations else now
        self._evaluations.append((*evaluation, now - self._began))
        if self.on_evaluation is not None:
            self.on_evaluation(0)
