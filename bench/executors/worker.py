"""What runs inside a worker process: start-up, the watch over the parent, and one job at a time."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.executors.shared_progress import SharedProgress
from bench.records.schema import Record
from bench.training.jobs import Job, attempt

PARENT_POLL_SECONDS = 1.0

# CUDA reads these once, when a process first uses a GPU. CUBLAS_WORKSPACE_CONFIG: cuBLAS and cuDNN's recurrent layers
# give the same bits again only with a fixed workspace; this one of the two that cuDNN names takes 8 MiB a stream.
# CUDA_DEVICE_MAX_CONNECTIONS: hardware queues; with the default of 8, small kernels of 32 streams wait for one another.
CUDA_ENVIRONMENT = {"CUBLAS_WORKSPACE_CONFIG": ":4096:2", "CUDA_DEVICE_MAX_CONNECTIONS": "32"}

# One thread a worker: at these sizes a second thread gains a tenth, a second process nearly doubles. The allocator
# keeps step-sized buffers instead of mapping and unmapping them (glibc maps everything above 128 KiB anew by default).
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    **CUDA_ENVIRONMENT,
}

_progress: SharedProgress | None = None


@contextlib.contextmanager
def worker_environment(more: Mapping[str, str] | None = None) -> Iterator[None]:
    """Environment variables for the processes that are started inside; the parent's own stay as they were.

    more: variables beyond those of every worker. Ctrl-C is held back as well: a process that is still starting would
    answer it with a traceback.
    """
    variables = {**ENVIRONMENT, **(more or {})}
    before = {key: os.environ.get(key) for key in variables}
    os.environ.update(variables)
    try:
        with _interrupts_held_back():
            yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """A child inherits the mask and so never sees an interrupt; this process gets what came meanwhile at the end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start(doubles: Any, parent: int, plugins: Sequence[str], uses_torch: bool = True) -> None:
    """Initialise a worker: die with the parent, leave Ctrl-C to it, load plug-ins, and torch unless nobody needs it."""
    global _progress
    gc.disable()  # looking for garbage among what is being imported takes a fifth of the time of importing torch
    _progress = SharedProgress(doubles)
    leave_ends_to_parent(parent)
    load_plugins(plugins)
    if uses_torch:
        use_one_thread()
    gc.freeze()  # nor is there any later: it would look at these 170,000 objects again, 0.1 s each time
    gc.enable()


def leave_ends_to_parent(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when it does. parent: its process id."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def use_one_thread() -> None:
    """Make torch compute in this process as it does in every worker; on a GPU, where CUDA has not started yet."""
    import torch

    for name, value in CUDA_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    torch.set_num_threads(1)
    torch.backends.cudnn.deterministic = True


def load_plugins(plugins: Sequence[str]) -> None:
    """Register the plug-in files of an experiment in this process."""
    from bench.models.registry import MODELS
    from tasks.registry import TASKS, load_plugin_file

    for path in plugins:
        module = load_plugin_file(path)
        TASKS.load_plugin(module)
        MODELS.load_plugin(module)


def perform(job: Job, slot: int, serial: int) -> Record:
    """Do one job, telling the parent how far it is through shared memory (no lock that a killed worker could hold)."""
    assert _progress is not None, "start() initialises a worker before it gets a job"
    _progress.begin(slot, serial)
    progress, first = _progress, list[float]()

    def tell(*evaluation: float | None) -> None:
        now = time.monotonic()
        if not first:
            first.append(now)
        progress.tell(slot, evaluation, now - first[0])

    return attempt(job, tell)


def process_id() -> int:
    """Answered once a worker has started."""
    return os.getpid()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_SECONDS)
    os._exit(1)
