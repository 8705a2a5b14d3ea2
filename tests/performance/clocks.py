"""The processor seconds of the parts of a training, measured by a clock around each part of a real training."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from beside import bare_step
from workers import Measurement

from bench.models.numpy_learner.learner import NumpyLearner
from bench.models.torch_learner.learner import TorchLearner
from bench.records.schema import Record
from bench.training import loop
from bench.training import train as trainer
from bench.training.train import Progress

METHODS = {
    "train_step": "optimiser steps, where they are made",
    "predict": "evaluation: forward passes",
    "losses": "training losses to the host",
    "state": "best weights kept",
}
FUNCTIONS = {
    "load_data": "data",
    "load_references": "test scores",
    "_test": "test scores",
    "build_learner": "learners built",
    "hash_arrays": "hashes",
    "first_batch_hash": "hashes",
}
SCORES = "evaluation: scores"
GATHERING, REST = "batches gathered and cut", "the rest of a training"


class Parts(Measurement):
    """A job that returns {"parts": processor seconds by part, "bare": those of its bare steps} of one training."""

    def perform(self, progress: Progress) -> Record:
        spent: dict[str, float] = defaultdict(float)
        began = time.process_time()
        with clocks(spent, type(self.training.task)):
            record = trainer.train(self.training, progress)
        spent[REST] = time.process_time() - began - sum(spent.values())
        return {"parts": dict(spent), "bare": bare_step(self.training)[1] * record["curve"]["step"][-1]}


@contextmanager
def clocks(spent: dict[str, float], task: type) -> Iterator[None]:
    """Sum the processor seconds of the parts. The time of an inner part is subtracted from the outer part."""
    nested = [0.0]

    def clocked(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nested.append(0.0)
            began = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                seconds = time.process_time() - began
                spent[part] += seconds - nested.pop()
                nested[-1] += seconds

        return call

    def gathered(batches: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def call(*arguments: Any) -> Iterator[Any]:
            following = clocked(GATHERING, batches(*arguments).__next__)
            while True:
                try:
                    yield following()
                except StopIteration:
                    return

        return call

    original: list[tuple[Any, str, Any]] = []

    def put(owner: Any, name: str, function: Any) -> None:
        original.append((owner, name, getattr(owner, name)))
        setattr(owner, name, function)

    for learner in (TorchLearner, NumpyLearner):
        for name, part in METHODS.items():
            put(learner, name, clocked(part, getattr(learner, name)))
        put(learner, "batches", gathered(learner.batches))
    for name, part in FUNCTIONS.items():
        put(trainer, name, clocked(part, getattr(trainer, name)))
    put(loop, "mean_loss", clocked(SCORES, loop.mean_loss))
    put(task, "metrics", clocked(SCORES, task.metrics))
    try:
        yield
    finally:
        for owner, name, function in reversed(original):
            setattr(owner, name, function)
