"""An experiment from start to end: search -> confirm -> time. The only writer of records.

search: an Optuna study for each (comparison, task, model), the same budget for all, on data of replicate 0.
confirm: the chosen configuration on fresh replicates 1, 2, …, paired across models, scored on test data.
time: each confirmed configuration alone on the machine.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from bench.analysis.tables import write_tables
from bench.config.resolve import Experiment
from bench.executors.executor import Executor
from bench.experiment.cell import SEARCH_REPLICATE, CellPlan
from bench.experiment.driver import Driver, Limits
from bench.experiment.machine import look_at_machine, open_executor, with_cohorts
from bench.experiment.mirror import Mirror, check_storage
from bench.experiment.observer import Observer
from bench.experiment.references import record_references
from bench.experiment.time_limit import ready_by
from bench.measure.machine_memory import GIB, worker_limit
from bench.records.folder import RECORDS, ResultsFolder, command_name
from bench.records.jsonl import RecordFile, read_records
from bench.records.ledger import Ledger
from bench.records.reuse import Siblings
from bench.records.schema import SCHEMA, STAGES, Record
from bench.training.data import load_data
from tasks.errors import UserError, is_stop, unasked_end
from tasks.validation import naming, validate_dataset


@dataclass(frozen=True)
class Outcome:
    """What a run leaves behind.

    failures: recorded trainings and timings whose status is not "ok". missing: how many the time did not suffice for.
    unchanged: all was recorded before, so nothing was written and a report of then is still right.
    """

    results_folder: Path
    failures: int
    trainings: int
    seconds: float
    missing: int = 0
    unchanged: bool = False


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
    folder, observer = ResultsFolder(experiment.results_folder, experiment.identity()), observer or Observer()
    try:
        check_storage(experiment.options.storage)
        folder.check(fresh)
        finished = None if fresh or retry_failed else folder.finished()
        if finished is not None:
            return _unchanged(folder, finished, observer, began)
        cohorts = executor is None and experiment.options.executor == "local"
        executor = executor or open_executor(experiment, observer)  # first: its workers start meanwhile
        with ready_by(began, experiment.options.max_time, experiment.options.timeout):
            for task in experiment.tasks:
                with naming(task):
                    validate_dataset(task, load_data(task, experiment.options.seed, SEARCH_REPLICATE))
        return _Run(experiment, folder, executor, observer, command, cohorts).run(fresh, retry_failed, began)
    except (SystemExit, KeyboardInterrupt) as error:
        if is_stop(error):
            raise
        raise unasked_end(error) from error
    finally:
        if executor is not None:
            executor.close()


def _unchanged(folder: ResultsFolder, manifest: dict[str, Any], observer: Observer, began: float) -> Outcome:
    """The outcome of an experiment that is complete already."""
    observer.planned(manifest["trainings_planned"])
    failures = trainings = 0
    for record in read_records(folder.path / RECORDS):
        if record["stage"] != "reference":
            observer.finished(None, record, reused=True)
            trainings, failures = trainings + 1, failures + (record["status"] != "ok")
    return Outcome(folder.path, failures, trainings, time.monotonic() - began, unchanged=True)


class _Run:
    """One run of an experiment, on an executor that is already starting."""

    def __init__(
        self,
        experiment: Experiment,
        folder: ResultsFolder,
        executor: Executor,
        observer: Observer,
        command: str,
        cohorts: bool,
    ) -> None:
        """cohorts: whether what is trained on a GPU is to leave this executor for a cohort."""
        self.experiment, self.folder, self.executor, self.observer = experiment, folder, executor, observer
        self.command, self.cohorts, self.workers = command, cohorts, executor.slots
        self.notes: list[str] = []  # what cohorts said: that one was halved, say

    def run(self, fresh: bool, retry_failed: bool, began: float) -> Outcome:
        options = self.experiment.options
        with ready_by(began, options.max_time, options.timeout):
            machine = look_at_machine(self.experiment, self.executor, cohorts=self.cohorts, observer=self.observer)
        if machine["device"] == "cuda" and self.cohorts:
            self.executor = with_cohorts(self.executor, machine["gpus"], options, self._note)
        try:
            cells = self._cells(machine["device"])
            planned = _count_planned(cells)  # before the folder is touched: a model may lack a size that is asked for
            return self._run_in_folder(machine, cells, planned, fresh, retry_failed, began)
        finally:
            self.executor.close()

    def _run_in_folder(
        self, machine: Record, cells: list[CellPlan], planned: int, fresh: bool, retry_failed: bool, began: float
    ) -> Outcome:
        died = self.folder.open(fresh)
        try:
            if died:
                self.observer.note(f"took over the folder from {died}, which ended without giving it back")
            for text in self.folder.changed:
                self.observer.note(f"{text}: what is not whole, or no longer there, is measured again")
            ledger = self._ledger(machine["fingerprint"], fresh, retry_failed)
            with contextlib.closing(ledger):
                return self._run(machine, cells, planned, ledger, began)
        finally:
            self.folder.close()

    def _run(self, machine: Record, cells: list[CellPlan], planned: int, ledger: Ledger, began: float) -> Outcome:
        manifest = self._manifest(machine, planned)
        self.folder.write_manifest({**manifest, "status": "in progress", "seconds": None})
        self.observer.note(f"device {machine['reason']}")
        self.observer.planned(manifest["trainings_planned"])
        options = self.experiment.options
        mirror = Mirror(options.storage, self.experiment.name, self.observer.note)
        driver = Driver(self.executor, ledger, self.observer, self._limits(began))
        try:
            with threadpool_limits(1, user_api="blas"):  # more for the floors' fits would take cores from the workers
                driver.run(
                    (cell.search_and_confirm(ledger.trials, mirror) for cell in cells),
                    meanwhile=record_references(self.experiment, ledger, self.observer.note),
                )
            manifest["trainings_planned"] = _count_planned(cells)  # which kernels are timed twice is known now
            self.observer.planned(manifest["trainings_planned"])
            for cell in cells:
                driver.run([cell.time(machine["fingerprint"])])
            mirror.close()
        except (UserError, OSError):  # the disk is full: nothing else that is written now would be whole
            raise
        except BaseException:
            self.executor.close()  # at once: what follows may take seconds
            self.observer.note("stopped: all workers have ended; writing what there is")
            ledger.verify()
            write_tables(ledger.records, self.folder.path)
            self.folder.write_manifest({**manifest, "status": "interrupted", "seconds": time.monotonic() - began})
            raise
        ledger.verify()  # before anything is called complete
        missing = _missing(cells, ledger)
        write_tables(ledger.records, self.folder.path)
        seconds = time.monotonic() - began
        status = {"status": "out of time", "missing": missing} if driver.out_of_time else {"status": "complete"}
        notes = {"cohort_notes": self.notes} if self.notes else {}
        self.folder.write_manifest({**manifest, **status, **notes, "seconds": seconds})
        statuses = [status for place, status in ledger.statuses() if place.stage != "reference"]
        failures = sum(status != "ok" for status in statuses)
        left = sum(entry[stage] for entry in missing for stage in STAGES if stage in entry) if driver.out_of_time else 0
        return Outcome(self.folder.path, failures, len(statuses), seconds, left)

    def _note(self, text: str) -> None:
        self.notes.append(text)
        self.observer.note(text)

    def _limits(self, began: float) -> Limits:
        options = self.experiment.options
        memory = int(options.memory * GIB) if options.memory else None
        if memory is None and options.executor == "local":
            memory = worker_limit(self.workers)
        return Limits(options.timeout, began + options.max_time if options.max_time else None, memory)

    def _ledger(self, fingerprint: str, fresh: bool, retry_failed: bool) -> Ledger:
        options = self.experiment.options
        common = {"experiment": self.experiment.name, "budget": options.budget, "environment": fingerprint}
        rerun = f"python -m bench rerun{command_name(Path(options.results))} {self.experiment.name}"
        return Ledger(
            RecordFile(self.folder.path / RECORDS),
            common,
            rerun,
            # a sibling's training may have left no checkpoint
            elsewhere=None if fresh or options.save_models else Siblings(self.folder.path, fingerprint),
            retry_failed=retry_failed,
            note=self.observer.note,
        )

    def _cells(self, device: str) -> list[CellPlan]:
        experiment = self.experiment
        return [
            CellPlan(experiment, matching, task, entry, device)
            for matching in experiment.matchings
            for task in experiment.tasks
            for entry in experiment.entries
        ]

    def _manifest(self, machine: Record, planned: int) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "name": self.experiment.name,
            "command": self.command,
            "experiment": self.experiment.settings(),
            "comparisons": [matching.label for matching in self.experiment.matchings],
            "environment": machine["environment"],
            "environment_fingerprint": machine["fingerprint"],
            "device": {"picked": machine["device"], "reason": machine["reason"]},
            "trainings_planned": planned,
            # with --async, which trials are tried depends on the speed of workers
            "reproducible": not self.experiment.options.asynchronous,
            "lr_ranges": {task.label: list(self.experiment.lr_range(task)) for task in self.experiment.tasks},
        }


def _count_planned(cells: list[CellPlan]) -> int:
    return sum(sum(cell.planned().values()) for cell in cells)


def _missing(cells: list[CellPlan], ledger: Ledger) -> list[dict[str, Any]]:
    """What each cell still lacks, by stage; cells that lack nothing are left out."""
    done = Counter((place.match, place.task, place.model, place.stage) for place, _ in ledger.statuses())
    found = []
    for cell in cells:
        lacks = {stage: max(count - done[(*cell.name, stage)], 0) for stage, count in cell.planned().items()}
        if any(lacks.values()):
            found.append({**dict(zip(("match", "task", "model"), cell.name, strict=True)), **lacks})
    return found
