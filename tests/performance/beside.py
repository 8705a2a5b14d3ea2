"""Run `python -m bench …` with workers that repeat the bare steps of each training after it.

    BESIDE=FILE python tests/performance/beside.py run --models gru

appends a JSON line for each training to FILE: its key, the time of its bare steps and the time of measuring them. Bare
steps are forward, backward, clipping and Adam on batches that are ready. They run right after the training and in its
process, because the speed of a shared machine varies from minute to minute. A job that examines a selected trial
appends the time that it took.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from workers import Measurement

from bench.records.schema import Record
from bench.seeds import generator
from bench.training.data import load_data
from bench.training.examine import ExamineJob
from bench.training.jobs import TrainingJob
from bench.training.request import Training
from bench.training.train import Progress, build_learner

SAMPLE_SECONDS = 0.2
WARM_UP = 10  # steps


def bare_step(training: Training) -> tuple[float, float]:
    """Return the mean wall and processor seconds of an optimiser step."""
    dataset = load_data(training.task, training.seed, training.replicate)
    learner = build_learner(training, dataset)
    order = generator("bare").permutation(len(dataset.train))
    batches = list(learner.batches(learner.place(dataset.train), order, training.batch_size))
    for step in range(WARM_UP):
        learner.train_step(batches[step % len(batches)])
    made, losses = 0, []
    worked, began = time.process_time(), time.perf_counter()
    now = began
    while now - began < SAMPLE_SECONDS:
        losses.append(learner.train_step(batches[made % len(batches)]))
        made, now = made + 1, time.perf_counter()
    return (now - began) / made, (time.process_time() - worked) / made


class BareSteps(Measurement):
    """A job that returns {"seconds": wall and processor seconds of an optimiser step}."""

    def perform(self, progress: Progress) -> Record:
        return {"seconds": bare_step(self.training)}


perform_alone = TrainingJob.perform


def perform(job: TrainingJob, progress: Progress) -> Record:
    """Perform the job, write a line about its bare steps, and return the job's record."""
    record = perform_alone(job, progress)
    worked, began = time.process_time(), time.perf_counter()
    wall, processor = bare_step(job.training)
    steps = record["curve"]["step"][-1]
    line = {
        "key": record["key"],
        "bare_wall_seconds": wall * steps,
        "bare_processor_seconds": processor * steps,
        "spent_wall_seconds": time.perf_counter() - began,
        "spent_processor_seconds": time.process_time() - worked,
    }
    _write(line)
    return record


examine_alone = ExamineJob.perform


def examine(job: ExamineJob, progress: Progress) -> Record:
    """Perform the job, write a line with the time that it took, and return the job's record."""
    began = time.perf_counter()
    record = examine_alone(job, progress)
    _write({"examine_wall_seconds": time.perf_counter() - began})
    return record


def _write(line: dict[str, Any]) -> None:
    with open(os.environ["BESIDE"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if "BESIDE" in os.environ:  # in the workers too: they import this file, as the program's main module
    TrainingJob.perform = perform  # type: ignore[method-assign]
    ExamineJob.perform = examine  # type: ignore[method-assign]

if __name__ == "__main__":
    from bench.cli import main

    main(prog_name="python -m bench")
