"""Time a learner alone and warm: forward pass, training step, and latency of one sequence."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from bench.measure.nvidia import clock_mhz
from bench.models.contract import Learner, Model, Problem, Settings
from bench.seeds import generator
from tasks.contract import Array, Split

WARM_UP_CALLS = 3
FEWEST_SAMPLES = 5  # fewer have no spread worth the name, and slow calls would stop after one
GPU_WARM_UP_SECONDS = 0.4  # of steps, before anything is timed: an idle GPU runs at a fifth of its clock
HOST_BOUND = 0.9  # of a step's time that the host needs to launch it: then the GPU waits for the host
BLOCK_SECONDS = 20e-3  # of calls in one sample, or a tenth of the given time: shorter ones vary more than the calls do
STEADY = 0.1  # interquartile range over median below which less than half of the given time is enough


def time_learner(
    learner: Learner,
    split: Split,
    batch_size: int,
    *,
    flops_per_step: int | None = None,
    seconds: float = 1.5,
) -> dict[str, Any]:
    """Medians after a warm-up, in the learner as it is: by `torch.utils.benchmark.Timer` on a CPU, by CUDA events on a
    GPU.

    split: sequences to time on; the first `batch_size`, repeated where it has fewer. seconds: about how long the
    three measurements take together; a slow call is still sampled five times.

    Returns forward_seconds (`predict` on one placed batch, its outputs brought to the host), step_seconds
    (`train_step`) and latency_seconds (`predict` on one sequence), each with its `…_iqr`; sequences_per_second
    (training), flops_per_step (as given), threads, has_warnings (a measurement varied too much to be trusted), kernel.
    On a GPU also clock_mhz (after the warm-up; None where the driver does not tell) and host_bound (the host needed as
    long to launch a step as the GPU to run it, so a faster GPU would not shorten it).

    Nothing is changed of the learner but by its own steps, and its state is put back afterwards.
    """
    import torch

    budget = seconds / 3
    state = learner.state()
    placed = learner.place(take(split, np.arange(batch_size) % len(split)))
    single = learner.place(take(split, np.arange(1)))
    batch = next(iter(learner.batches(placed, np.arange(batch_size), batch_size)))
    on_gpu: dict[str, Any] = {}
    try:
        if learner.on_gpu:
            _warm_gpu_up(lambda: learner.train_step(batch))
            on_gpu["clock_mhz"] = clock_mhz()
        step, launching = _measure(lambda: learner.train_step(batch), budget, learner.on_gpu)
        forward, _ = _measure(lambda: learner.predict(placed), budget, learner.on_gpu)
        latency, _ = _measure(lambda: learner.predict(single), budget, learner.on_gpu)
    finally:
        learner.load_state(state)
    if learner.on_gpu:
        on_gpu["host_bound"] = bool(launching >= HOST_BOUND * step.median)
    return {
        "forward_seconds": forward.median,
        "forward_seconds_iqr": forward.iqr,
        "step_seconds": step.median,
        "step_seconds_iqr": step.iqr,
        "latency_seconds": latency.median,
        "latency_seconds_iqr": latency.iqr,
        "sequences_per_second": batch_size / step.median,
        "flops_per_step": flops_per_step,
        "threads": torch.get_num_threads(),
        "has_warnings": any(measurement.has_warnings for measurement in (step, forward, latency)),
        "kernel": learner.kernel,
        **on_gpu,
    }


@contextmanager
def allow_onednn(allowed: bool) -> Iterator[None]:
    """Whether torch may take oneDNN's kernels; as it was afterwards."""
    import torch

    backend: Any = torch.backends.mkldnn
    before = backend.enabled
    backend.enabled = before and allowed  # not `mkldnn.flags`: that touches settings which warn where no GPU is
    try:
        yield
    finally:
        backend.enabled = before


def step_seconds(model: Model, settings: Settings, split: Split, problem: Problem, batch_size: int) -> float:
    """Median seconds of one training step of a fresh learner on `settings.device`: what choosing a device needs."""
    learner = model.build(problem, settings, generator("init", model.cell, 0), 0)
    batch_split = take(split, np.arange(batch_size) % len(split))
    batch = next(iter(learner.batches(learner.place(batch_split), np.arange(batch_size), batch_size)))
    if learner.on_gpu:
        _warm_gpu_up(lambda: learner.train_step(batch))
    measured, _ = _measure(lambda: learner.train_step(batch), 0.3, learner.on_gpu)
    return float(measured.median)


def take(split: Split, index: Array) -> Split:
    """The sequences of a split at `index`, with their targets, masks and lengths."""
    return Split(
        split.inputs[index],
        split.targets[index],
        None if split.mask is None else split.mask[index],
        None if split.lengths is None else split.lengths[index],
    )


def _warm_gpu_up(call: Callable[[], Any]) -> None:
    """Keep the GPU busy until it runs at the clock that it keeps under load."""
    import torch

    began = time.perf_counter()
    while time.perf_counter() - began < GPU_WARM_UP_SECONDS:
        call()
    torch.cuda.synchronize()


def _measure(call: Callable[[], Any], seconds: float, on_gpu: bool) -> tuple[Any, float]:
    """(A `torch.utils.benchmark.Measurement` of a warm call, seconds that launching one takes the host on a GPU).

    seconds: about how long it may take; a call whose time varies little is measured for less than half of that.
    """
    import torch
    from torch.utils.benchmark import Measurement, TaskSpec, Timer

    for _ in range(WARM_UP_CALLS):
        call()
    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())

    def sample(calls: int) -> tuple[float, float]:
        if on_gpu:
            return _gpu_seconds(call, calls)
        return timer.timeit(calls).raw_times[0], 0.0

    calls = max(1, round(min(BLOCK_SECONDS, seconds / 10) / max(sample(1)[0], 1e-6)))
    times, launching = list[float](), list[float]()
    while len(times) < FEWEST_SAMPLES or sum(times) < (0.4 * seconds if _steady(times) else seconds):
        running, launched = sample(calls)
        times.append(running)
        launching.append(launched / calls)
    measurement = Measurement(number_per_run=calls, raw_times=times, task_spec=TaskSpec("call()", ""))
    return measurement, statistics.median(launching)


def _steady(times: Sequence[float]) -> bool:
    low, median, high = np.quantile(times, [0.25, 0.5, 0.75])
    return bool(high - low < STEADY * median)


def _gpu_seconds(call: Callable[[], Any], calls: int) -> tuple[float, float]:
    """(Seconds from the first to the last kernel of so many calls, by the GPU's clock; seconds of launching them)."""
    import torch

    cuda: Any = torch.cuda
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    cuda.synchronize()
    start.record()
    began = time.perf_counter()
    for _ in range(calls):
        call()
    launched = time.perf_counter() - began
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1e3, launched  # elapsed_time: milliseconds
