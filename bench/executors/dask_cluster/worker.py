"""One job in a Dask worker, with the package there: from bytes to a record, telling how far it is."""

from __future__ import annotations

import functools
import pickle
import time
from collections.abc import Callable
from typing import Any

from bench.executors.worker import use_one_thread
from bench.records.schema import Record
from bench.training.jobs import Job, attempt

TELL_SECONDS = 0.5  # between messages to the scheduler, which passes them on; each holds all evaluations since the last


def perform(payload: bytes, tell: Callable[[list[Any]], None]) -> Record:
    """Do a pickled job. `tell` gets lists of evaluations, the first one empty: the job has begun."""
    use_one_thread()
    job: Job = pickle.loads(payload)
    told: list[Any] = []
    last = time.monotonic()
    tell([])

    def progress(*evaluation: float | None) -> None:
        nonlocal last
        told.append(evaluation)
        if time.monotonic() - last >= TELL_SECONDS:
            tell(told.copy())
            told.clear()
            last = time.monotonic()

    record = attempt(job, progress)
    return {"environment": _fingerprint(), **record}  # a look at the machine describes its environment itself


@functools.cache
def _fingerprint() -> str:
    """Of this worker's machine: those of a cluster may differ."""
    from bench.measure.environment import describe, fingerprint

    return fingerprint(describe())
