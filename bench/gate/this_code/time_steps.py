"""Time training steps in a separate process, with the `bench` found on its path, which may be an older version.

`python -P time_steps.py` reads {"experiment", "cells": [[task, model], …], "device"} as a line of JSON from stdin,
builds each cell's learner, and answers {"bench": path of the package} or {"error"}. Then it answers each line with a
cell's index by {"seconds"} of a training step. It uses few parts of `bench`, so that it works with older versions.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

WARM_UP_STEPS = 3
FEWEST_STEPS = 5
ROUND_SECONDS = 0.05  # of steps in a round, each timed on its own


def main() -> None:
    """Answer requests until stdin ends. Output that a plug-in prints goes to stderr."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        channel.write(json.dumps(content) + "\n")
        channel.flush()

    share_a_core()
    try:
        request = json.loads(sys.stdin.readline())
        steps = prepare(request["experiment"], request["cells"], request["device"])
        import bench

        answer({"bench": bench.__file__})
        for line in sys.stdin:
            answer({"seconds": seconds_of(steps[int(line)])})
    except Exception as error:  # of any kind: another version of bench may fail in any way
        answer({"error": f"{type(error).__name__}: {error}"})


def share_a_core() -> None:
    """Pin this process to the last core that it may use, so that both versions run on the same core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _either(name: str, module: str, before: str) -> Any:
    """Return `name` from `module`, or from `before`, the module that defines it in the tree of an older commit."""
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return getattr(importlib.import_module(before), name)


def prepare(experiment: dict[str, Any], cells: list[list[str]], device: str) -> list[Callable[[], None]]:
    """Build, for each cell, a function that makes one training step and waits for its end."""
    import torch

    resolve = _either("resolve", "bench.config.resolve", "bench.config")
    plan_of = _either("CellPlan", "bench.experiment.cell", "bench.cells")

    torch.set_num_threads(1)
    made = resolve({"name": "time"}, experiment)
    tasks = {task.label: task for task in made.tasks}
    entries = {entry.label: entry for entry in made.entries}
    plans = [plan_of(made, made.matchings[0], tasks[task], entries[model], device) for task, model in cells]
    return [_step(plan) for plan in plans]


def _step(plan: Any) -> Callable[[], None]:
    import numpy as np
    import torch

    from bench.measure.timing import take

    load_data = _either("load_data", "bench.training.data", "bench.training")
    build_learner = _either("build_learner", "bench.training.train", "bench.training")

    training = plan.training(plan.space().only, 1)
    dataset = load_data(training.task, training.seed, training.replicate)
    learner = build_learner(training, dataset)
    size = training.batch_size
    placed = learner.place(take(dataset.train, np.arange(size) % len(dataset.train)))
    batch = next(iter(learner.batches(placed, np.arange(size), size)))
    learner.learning_rate = 0.0  # the weights stay the same, however many steps are made
    on_gpu = training.settings.device == "cuda"

    def step() -> None:
        learner.train_step(batch)
        if on_gpu:
            torch.cuda.synchronize()

    return step


def seconds_of(step: Callable[[], None]) -> float:
    """Seconds of the fastest of several steps: other load on the machine can only make a step slower."""
    for _ in range(WARM_UP_STEPS):
        step()
    times: list[float] = []
    end = time.perf_counter() + ROUND_SECONDS
    while len(times) < FEWEST_STEPS or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
