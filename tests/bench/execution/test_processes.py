import os
from typing import Any

import pytest
import torch

from bench.execution.processes import ProcessExecutor
from bench.execution.worker import ENVIRONMENT
from bench.jobs import TrainingJob
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.training import Training
from tasks.registry import TASKS


@pytest.fixture(scope="module")
def executor() -> Any:
    made = ProcessExecutor(1)
    yield made
    made.close()


def job() -> TrainingJob:
    settings = Settings(hidden_size=8)
    return TrainingJob(Training(TASKS.create("sine"), MODELS.create("gru"), settings, 64, steps=20, replicate=1))


def worker_id(executor: ProcessExecutor) -> int:
    return executor._pools[0].submit(os.getpid).result()


def test_a_worker_trains_and_tells_its_progress(executor: ProcessExecutor) -> None:
    record = executor.submit(job(), 0).result()
    assert record["status"] == "ok"
    step, loss = executor.progress(0)
    assert 0 <= step <= 20
    assert loss > 0


def test_a_worker_has_one_thread_and_an_allocator_that_keeps_its_buffers(executor: ProcessExecutor) -> None:
    before = dict(os.environ)
    pool = executor._pools[0]
    assert pool.submit(os.getenv, "MALLOC_MMAP_THRESHOLD_").result() == ENVIRONMENT["MALLOC_MMAP_THRESHOLD_"]
    assert pool.submit(torch.get_num_threads).result() == 1
    assert dict(os.environ) == before  # the parent's own environment is as it was


def test_a_slot_works_again_after_its_worker_was_killed(executor: ProcessExecutor) -> None:
    pid = worker_id(executor)
    future = executor.submit(job(), 0)
    os.kill(pid, 9)
    assert future.exception() is not None
    executor.restart(0)
    assert executor.submit(job(), 0).result()["status"] == "ok"
    assert worker_id(executor) != pid
