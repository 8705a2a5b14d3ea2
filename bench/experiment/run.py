"""An experiment from start to end: open its folder, start its workers, and run what is not recorded yet."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.config.experiment import Experiment
from bench.config.growing import difference, grown
from bench.executors.executor import Executor
from bench.experiment.engine import as_begun
from bench.experiment.mirror import check_storage
from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.experiment.phases import Phases
from bench.experiment.plan import Plan, covers
from bench.experiment.workers import Workers
from bench.records import manifest
from bench.records.folder import RECORDS, ResultsFolder, command_name
from bench.records.jsonl import RecordFile, read_records
from bench.records.ledger import Ledger
from bench.records.reuse import Siblings
from tasks.errors import is_stop, unasked_end


def run(
    experiment: Experiment,
    *,
    fresh: bool = False,
    retry_failed: bool = False,
    command: str = "",
    observer: Observer | None = None,
    executor: Executor | None = None,
) -> Outcome:
    """Run what is not recorded yet; leave records, `experiment.json` and tables in the results folder.

    fresh: throw away what another experiment left in the folder, and use no other experiment's trainings either.
    retry_failed: try once more what failed, timed out or ran out of memory. executor: where trainings run; by default
    what the experiment's options name, with a cohort of trainings on each GPU.

    Raises UserError where the folder can't be used or another run is at work in it, a task breaks its contract, or the
    device or a driver for `--storage` is not there; then nothing was written. Where the disk fills up it raises
    UserError too, and what was recorded is whole. KeyboardInterrupt passes through after workers have ended and tables
    are written.
    """
    began = time.monotonic()
    observer, recorded = observer or Observer(), _recorded(experiment)
    experiment = experiment if fresh else as_begun(experiment)
    larger = grown(experiment, recorded) if recorded and not fresh else None
    experiment = larger.experiment if larger else experiment
    folder = ResultsFolder(
        experiment.results_folder, experiment.identity(), larger.recorded_identity if larger else None
    )
    with ExitStack() as resources:
        if executor is not None:
            resources.callback(executor.close)
        check_storage(experiment.options.storage)
        folder.check(fresh, difference(experiment, recorded) if recorded and not larger else None)
        before = {} if fresh else folder.own_manifest or {}
        finished = None if fresh or retry_failed else folder.finished()
        complete = finished is not None and not (experiment.options.save_models and folder.lost_models())
        if finished is not None and complete and covers(finished["experiment"], experiment):
            return _unchanged(folder, finished, observer, began)
        try:
            workers = Workers(experiment, executor, observer, resources, began)
            left_alone = larger.left_alone if larger else None
            plan = Plan(experiment, workers.machine["device"], workers.timed_sizes(before), left_alone)
            plan.planned()  # before the folder is touched: a model may lack a size that is asked for
            ledger = _open_folder(experiment, folder, workers, observer, resources, fresh, retry_failed)
            looked_again = plan.looks_again(before)
            return Phases(plan.extended(ledger), folder, workers, ledger, observer, command, began, looked_again).run()
        except (SystemExit, KeyboardInterrupt) as error:
            if is_stop(error):
                raise
            raise unasked_end(error) from error


def _recorded(experiment: Experiment) -> dict[str, Any] | None:
    """The manifest that lies in the experiment's folder; None where there is none that can be read."""
    try:
        return manifest.read(experiment.results_folder)
    except (OSError, ValueError):
        return None


def _unchanged(folder: ResultsFolder, finished: dict[str, Any], observer: Observer, began: float) -> Outcome:
    """The outcome of an experiment that is complete already. finished: its manifest."""
    observer.planned(finished["trainings_planned"])
    failures = jobs = 0
    for record in read_records(folder.path / RECORDS):
        if record["stage"] != "reference":
            observer.finished(None, record, reused=True)
            jobs, failures = jobs + 1, failures + (record["status"] != "ok")
    return Outcome(folder.path, failures, jobs, time.monotonic() - began, unchanged=True)


def _open_folder(
    experiment: Experiment,
    folder: ResultsFolder,
    workers: Workers,
    observer: Observer,
    resources: ExitStack,
    fresh: bool,
    retry_failed: bool,
) -> Ledger:
    """Lock the results folder until `resources` is closed, and read what it has recorded."""
    died = folder.open(fresh)
    resources.callback(folder.close)
    if died:
        observer.note(f"took over the folder from {died}, which ended without giving it back")
    for text in folder.changed:
        observer.note(f"{text}: what is not whole, or no longer there, is measured again")
    options, fingerprint = experiment.options, workers.machine["fingerprint"]
    ledger = Ledger(
        RecordFile(folder.path / RECORDS),
        {"experiment": experiment.name, "budget": options.budget, "environment": fingerprint},
        f"python -m bench rerun{command_name(Path(options.results))} {experiment.name}",
        elsewhere=None if fresh else Siblings(folder.path, fingerprint),
        retry_failed=retry_failed,
        all_files=bool(options.save_models),
        note=observer.note,
    )
    resources.callback(ledger.close)
    return ledger
