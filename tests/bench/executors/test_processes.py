import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.config.resolve import resolve
from bench.executors.processes import ProcessExecutor
from bench.executors.worker import ENVIRONMENT, use_one_thread
from bench.experiment.machine import look_at_machine, open_executor
from bench.experiment.observer import Observer
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.training.jobs import TrainingJob
from bench.training.request import Training
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


def test_a_process_of_somebody_else_s_gets_settings_for_cuda_that_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inline and on a cluster, where bench does not start the process."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setenv("CUDA_DEVICE_MAX_CONNECTIONS", "16")
    use_one_thread()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ENVIRONMENT["CUBLAS_WORKSPACE_CONFIG"]
    assert os.environ["CUDA_DEVICE_MAX_CONNECTIONS"] == "16"


def test_workers_for_numpy_models_never_load_torch(tmp_path: Path) -> None:
    made = resolve({"models": "numpy_gru,numpy_lstm,numpy_rnn", "workers": 1, "results": str(tmp_path)})
    executor = open_executor(made, Observer())
    try:
        look = look_at_machine(made, executor)
        jobs = [replace(job().training, model=model) for model in made.models]
        records = [executor.submit(TrainingJob(training, True), 0).result() for training in jobs]
        loaded = executor._pools[0].submit(eval, "'torch' in __import__('sys').modules").result()  # type: ignore[attr-defined]
    finally:
        executor.close()
    assert not loaded
    assert [record["status"] for record in records] == ["ok"] * 3
    assert all(record["gradient_flow"] for record in records)
    assert look["device"] == "cpu"
    assert look["reason"] == "cpu: none of the models runs on a GPU."
    assert look["slowness"] > 0
    assert look["environment"]["threads"] == 1
    assert look["environment"]["isa"] is None
    assert "torch" not in look["environment"]["packages"]


def test_one_torch_model_is_enough_to_look_at_torch(tmp_path: Path) -> None:
    made = resolve({"models": "numpy_gru,gru", "executor": "inline", "results": str(tmp_path)})
    look = look_at_machine(made, open_executor(made, Observer()))
    assert look["environment"]["packages"]["torch"] == torch.__version__
    assert look["environment"]["isa"] == torch.backends.cpu.get_cpu_capability()


def test_a_slot_works_again_after_its_worker_was_killed(executor: ProcessExecutor) -> None:
    pid = worker_id(executor)
    future = executor.submit(job(), 0)
    os.kill(pid, 9)
    assert future.exception() is not None
    executor.restart(0)
    assert executor.submit(job(), 0).result()["status"] == "ok"
    assert worker_id(executor) != pid


def test_how_a_worker_died_is_known_also_while_its_pool_still_notes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads wait for the process: the pool's is told of its end, and this one asks before that is noted."""
    told, asked, waitpid = threading.Event(), threading.Event(), os.waitpid

    def slow_waitpid(pid: int, flags: int) -> tuple[int, int]:
        if threading.current_thread() is threading.main_thread():
            told.wait(5)
            asked.set()
            return waitpid(pid, flags)  # raises ChildProcessError: somebody else was told
        found = waitpid(pid, flags)
        if found[0]:
            told.set()
            asked.wait(5)
        return found

    made = ProcessExecutor(1)
    try:
        pid = worker_id(made)
        monkeypatch.setattr(os, "waitpid", slow_waitpid)
        future = made.submit(job(), 0)
        os.kill(pid, 9)
        assert future.exception() is not None
        assert made.how_it_died(0) == "ended by SIGKILL"
    finally:
        monkeypatch.undo()
        made.close()
