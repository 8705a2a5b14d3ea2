"""Jobs in this very process, one after another: for debugging, and for tests that want a traceback."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future

from bench.execution.executor import Executor
from bench.execution.worker import load_plugins, use_one_thread
from bench.jobs import Job, attempt
from bench.records import Record


class InlineExecutor(Executor):
    """One slot; `submit` returns when the job is done. Torch computes with one thread from here on, as in a worker."""

    def __init__(self, plugins: Sequence[str] = ()) -> None:
        load_plugins(plugins)
        use_one_thread()
        self._progress = (0, math.nan)

    @property
    def slots(self) -> int:
        return 1

    def submit(self, job: Job, slot: int) -> Future[Record]:
        future: Future[Record] = Future()
        future.set_result(attempt(job, self._keep))
        return future

    def progress(self, slot: int) -> tuple[int, float]:
        return self._progress

    def restart(self, slot: int) -> None:
        """Never needed: no worker dies without this process."""

    def close(self) -> None:
        """Nothing to end."""

    def _keep(self, step: int, train_loss: float | None, valid_loss: float, *others: float | None) -> None:
        self._progress = (step, valid_loss)
