"""Open the executor of an experiment, and look at its machine before the first training."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module

from bench.config.experiment import Experiment
from bench.config.options import Options
from bench.executors.executor import Executor, WorkerDied
from bench.experiment.cell import SEARCH_REPLICATE, CellPlan
from bench.experiment.driver import ATTEMPTS
from bench.experiment.observer import Observer
from bench.experiment.probe import ProbeJob
from bench.experiment.search import Point
from bench.records.schema import Record
from bench.training.jobs import Job
from tasks.errors import UserError

TEND_SECONDS = 0.5  # between two looks whether the worker is still there
NOTE_SECONDS = 2.0  # a look at the machine that takes longer is told of


def open_executor(experiment: Experiment, observer: Observer, *, cohorts: bool = False) -> Executor:
    """The place that `--executor` names; UserError where a cluster can't be used.

    cohorts: whether trainings on a GPU are to share it. Where a GPU was asked for, its process starts at once, and
    workers on the CPU when they get their first job.
    """
    options = experiment.options
    if options.executor == "inline":
        from bench.executors.inline import InlineExecutor

        return InlineExecutor(options.plugins)
    if options.executor.startswith("dask"):
        from bench.executors.dask_cluster.executor import DaskExecutor

        return DaskExecutor(options.executor, options.plugins, observer.note)
    from bench.executors.processes import ProcessExecutor

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for_gpu = (
        cohorts and options.device == "cuda" and any("cuda" in entry.model.devices for entry in experiment.entries)
    )
    workers = ProcessExecutor(
        options.workers or cores, options.plugins, uses_torch=experiment.uses_torch, at_first_job=for_gpu
    )
    if not for_gpu:
        return workers
    from bench.executors.cohort.executor import CohortExecutor
    from bench.executors.cohort.process import FIRST_GPU

    return CohortExecutor(workers, [FIRST_GPU], options.plugins, options.cohort, observer.note)


def look_at_machine(
    experiment: Experiment, executor: Executor, *, cohorts: bool = False, observer: Observer | None = None
) -> Record:
    """The machine, seen from a worker; UserError where the device is not there or no worker starts.

    cohorts: whether trainings on a GPU will share it. observer: told what is going on, where it takes long.
    """
    options, task, entries = experiment.options, experiment.tasks[0], experiment.entries
    entry = next((e for e in entries if "cuda" in e.model.devices), entries[0])
    point = Point(max(options.hidden_sizes or (1,)), max(options.layers or (1,)), 1e-3)
    training = CellPlan(experiment, experiment.matchings[0], task, entry, "cpu").training(point, SEARCH_REPLICATE)
    probe = ProbeJob(options.device, training, executor.workers, cohorts, experiment.uses_torch)
    found = perform_alone(probe, executor, observer)
    if "refused" in found:
        raise UserError(found["refused"])
    if found.get("error"):
        raise UserError(f"a first look at the machine failed: {found['error']}. Try --device cpu")
    return found


def with_cohorts(executor: Executor, gpus: Sequence[str], options: Options, note: Callable[[str], None]) -> Executor:
    """The workers, one of which has looked at the GPUs, with a cohort on each of these for what is trained there."""
    from bench.executors.cohort.executor import CohortExecutor

    if isinstance(executor, CohortExecutor):
        executor.note = note
        executor.use(gpus)
        return executor
    executor.restart(executor.looking_slot)  # it would keep some of a GPU's memory
    return CohortExecutor(executor, gpus, options.plugins, options.cohort, note)


def perform_alone(job: Job, executor: Executor, observer: Observer | None = None) -> Record:
    """The record of a job that runs while there is no driver; the observer is told of it where it takes long."""
    for _ in range(ATTEMPTS):
        try:
            future = executor.submit(job, executor.looking_slot)
            import_module("optuna")  # which the searches need, while the worker is still starting
            if observer is not None and not wait([future], timeout=NOTE_SECONDS).done:
                observer.note(f"{job.label} …")
            while not wait([future], timeout=TEND_SECONDS).done:
                _ = executor.slots  # which notices a process that has died
            return future.result()
        except (BrokenProcessPool, WorkerDied):
            executor.restart(executor.looking_slot)
    raise UserError(f"no worker could be started: each of {ATTEMPTS} died at once. Try --executor inline to see why")
