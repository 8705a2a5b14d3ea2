"""An experiment from start to end. The only writer of records.

A replicate is the whole procedure, done once: data of its own, a search of its own with the same starting points for
every model, and the test score of its selected trial. Then each model's most frequent configuration is timed, alone on
the machine. With `--tune once` one search on replicate 0 serves all replicates.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from bench.analysis.labels import brief
from bench.analysis.tables import write_tables
from bench.config.budgets import FIRST_LOOK
from bench.config.growing import difference, grown, inputs
from bench.config.resolve import Experiment
from bench.executors.executor import Executor
from bench.experiment.announcement import announcement
from bench.experiment.cell import CellPlan
from bench.experiment.contracts import check_models, check_tasks
from bench.experiment.driver import Driver, Limits
from bench.experiment.engine import as_begun
from bench.experiment.equal_time import timed_sizes
from bench.experiment.machine import look_at_machine, open_executor, with_cohorts
from bench.experiment.matched import Timed
from bench.experiment.mirror import Mirror, check_storage
from bench.experiment.observer import Observer
from bench.experiment.plan import Plan, covers
from bench.experiment.references import record_references
from bench.experiment.replicate import Replicate, SearchForAll, Timing
from bench.experiment.settling import look, more_replicates
from bench.experiment.time_limit import ready_by
from bench.experiment.without_effect import without_effect
from bench.measure.machine_memory import GIB, worker_limit
from bench.records import manifest
from bench.records.folder import RECORDS, ResultsFolder, command_name
from bench.records.jsonl import RecordFile, read_records
from bench.records.ledger import Ledger
from bench.records.reuse import Siblings
from bench.records.schema import PROTOCOL, SCHEMA, STAGES
from bench.records.selection import drop_superseded, most_frequent
from tasks.errors import UserError, is_stop, unasked_end

ONE_REPLICATE = (
    "--replicates 1: nothing can be said of how results vary, so there will be no interval, no test and no verdict"
)


@dataclass(frozen=True)
class Outcome:
    """What a run leaves behind.

    jobs: trainings and measurements that are recorded. failures: of these, whose status is not "ok". missing: how many
    the time did not suffice for. unchanged: all was recorded before, so nothing was written and a report of then is
    still right.
    """

    results_folder: Path
    failures: int
    jobs: int
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
            workers = _Workers(experiment, executor, observer, resources, began)
            plan = Plan(experiment, workers.machine["device"], workers.timed_sizes(before))
            plan.planned()  # before the folder is touched: a model may lack a size that is asked for
            ledger = _open_folder(experiment, folder, workers, observer, resources, fresh, retry_failed)
            looked_again = plan.looks_again(before)
            return _Run(plan.extended(ledger), folder, workers, ledger, observer, command, began, looked_again).run()
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


class _Workers:
    """Where jobs run. machine: what a first look at it found. notes: what cohorts said, that one was halved, say."""

    def __init__(
        self,
        experiment: Experiment,
        executor: Executor | None,
        observer: Observer,
        resources: ExitStack,
        began: float,
    ) -> None:
        """executor: None to open the one that the options name, and to put a cohort on each GPU.

        began: of the run, on `time.monotonic`, since its limits cover what happens here as well.
        """
        options, self._experiment, self._observer = experiment.options, experiment, observer
        cohorts = executor is None and options.executor == "local"
        # first: its workers start meanwhile
        self.executor = executor or open_executor(experiment, observer, cohorts=cohorts)
        resources.callback(lambda: self.executor.close())  # whichever it is by then
        self.notes: list[str] = []
        self.count = self.executor.workers
        with ready_by(began, options.max_time, options.timeout):
            check_tasks(experiment)
            self.machine = look_at_machine(experiment, self.executor, cohorts=cohorts, observer=observer)
            check_models(experiment, self.machine["device"], self.executor, observer)
        if self.machine["device"] == "cuda" and cohorts:
            self.executor = with_cohorts(self.executor, self.machine["gpus"], options, self._note)

    def timed_sizes(self, before: Mapping[str, Any]) -> Timed:
        """The sizes at which models take as long a step; those of an earlier run of the experiment stay.

        before: its manifest.
        """
        return timed_sizes(self._experiment, self.machine["device"], self.executor, self._observer, before)

    def _note(self, text: str) -> None:
        self.notes.append(text)
        self._observer.note(text)


def _open_folder(
    experiment: Experiment,
    folder: ResultsFolder,
    workers: _Workers,
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


class _Run:
    """One run of an experiment, with its folder open and its workers started."""

    def __init__(
        self,
        plan: Plan,
        folder: ResultsFolder,
        workers: _Workers,
        ledger: Ledger,
        observer: Observer,
        command: str,
        began: float,
        looked_again: bool,
    ) -> None:
        """looked_again: whether replicates are added to what was complete with fewer."""
        self.looked_again = looked_again
        self.plan, self.folder, self.workers, self.ledger, self.observer = plan, folder, workers, ledger, observer
        self.command, self.began = command, began
        self.experiment, self.options = plan.experiment, plan.experiment.options
        self.mirror = Mirror(self.options.storage, self.experiment.name, observer.note)
        self.driver = Driver(workers.executor, ledger, observer, self._limits())
        self.replicates: list[Replicate] = []
        self.states: dict[str, Any] = {}  # of --until-settled, for the manifest

    def run(self) -> Outcome:
        """All phases; what an interruption leaves is written before it passes through."""
        self._announce()
        self.observer.note(f"device {self.workers.machine['reason']}")
        for text in self.plan.unmatched():
            self.observer.note(text)
        for text in without_effect(self.experiment, self.workers.machine["device"]):
            self.observer.note(text)
        for task in self.experiment.tasks:
            for text in task.notes:
                self.observer.note(f"{brief(task.label)}: {text}")
            line = announcement(self.plan, task, self.workers.count if self.workers.machine["device"] == "cpu" else 0)
            if line is not None:
                self.observer.note(line)
        if max(self.plan.replicates.values()) == 1:
            self.observer.note(ONE_REPLICATE)
        try:
            with threadpool_limits(1, user_api="blas"):  # more for the floors' fits would take cores from the workers
                timings = self._search_for_all() if self.options.tune == "once" else self._replicates()
            self._announce()  # which kernels are timed twice is known now
            for number in range(self.plan.cells[0].timing_rounds):
                for timing in timings:
                    self.driver.run([timing.round(number)])  # alone
            self.mirror.close()
        except (UserError, OSError):  # the disk is full: nothing else that is written now would be whole
            raise
        except BaseException:
            self.workers.executor.close()  # at once: what follows may take seconds
            self.observer.note("stopped: all workers have ended; writing what there is")
            self.ledger.verify()
            write_tables(drop_superseded(self.ledger.records), self.folder.path)
            self._write_manifest(status="interrupted", seconds=time.monotonic() - self.began)
            raise
        return self._conclude()

    def _announce(self) -> None:
        """Say what is planned, in the manifest and to the observer."""
        self._write_manifest(status="in progress", seconds=None)
        self.folder.keep_plugins(self.plan.experiment.options.plugins)  # beside a manifest that says whose they are
        self.observer.planned(self.plan.planned())

    def _search_for_all(self) -> Sequence[Timing]:
        """One search for each cell, and its choice trained on every replicate; what is to be timed."""
        searches = [SearchForAll(cell, self.plan.count(cell), self.mirror) for cell in self.plan.cells]
        self.driver.run(searches, meanwhile=self._references())
        fingerprint = self.workers.machine["fingerprint"]
        return [Timing(s.plan, s.chosen, 1, fingerprint) for s in searches if s.chosen is not None]

    def _replicates(self) -> Sequence[Timing]:
        """Every replicate of each cell, with --until-settled as many as it takes; what is to be timed."""
        most = max(self.plan.replicates.values())
        self._complete([(c, n) for n in range(1, most + 1) for c in self.plan.cells if n <= self.plan.count(c)])
        while self.options.until_settled and not self.driver.out_of_time:
            states = look(self.plan)
            self.states = {f"{match} {task}": state for (match, task), state in states.items()}
            wanted = more_replicates(self.plan, states)
            if not wanted:
                break
            new = [pair for part, count in wanted.items() for pair in self.plan.add(part, count)]
            self._announce()
            self._complete(new)
        return [timing for cell in self.plan.cells if (timing := self._timing(cell)) is not None]

    def _complete(self, pairs: Sequence[tuple[CellPlan, int]]) -> None:
        """Do these replicates of these cells, and the references on their data."""
        new = [Replicate(cell, number, self.mirror) for cell, number in pairs]
        self.replicates += new
        self.driver.run(new, meanwhile=self._references())

    def _references(self) -> Iterator[None]:
        options = self.options
        return record_references(
            self.plan.data_sets(), options.references, options.seed, self.ledger, self.observer.note
        )

    def _timing(self, cell: CellPlan) -> Timing | None:
        """The timing of the configuration that most replicates selected; None where none selected any."""
        selected = [r.selected for r in self.replicates if r.plan is cell and r.selected is not None]
        typical = most_frequent(selected)
        return None if typical is None else Timing.of(cell, typical, self.workers.machine["fingerprint"])

    def _conclude(self) -> Outcome:
        self.ledger.verify()  # before anything is called complete
        missing = self.plan.missing(self.ledger)
        self.folder.tidy()
        write_tables(drop_superseded(self.ledger.records), self.folder.path)
        seconds, late = time.monotonic() - self.began, self.driver.out_of_time
        status = {"status": "out of time", "missing": missing} if late else {"status": "complete"}
        notes = {"cohort_notes": self.workers.notes} if self.workers.notes else {}
        self._write_manifest(**status, **notes, seconds=seconds)
        statuses = [status for place, status in self.ledger.statuses() if place.stage != "reference"]
        failures = sum(status != "ok" for status in statuses)
        left = sum(entry[stage] for entry in missing for stage in STAGES if stage in entry) if late else 0
        return Outcome(self.folder.path, failures, len(statuses), seconds, left)

    def _limits(self) -> Limits:
        options = self.options
        memory = int(options.memory * GIB) if options.memory else None
        if memory is None and options.executor == "local":
            memory = worker_limit(self.workers.count)
        return Limits(options.timeout, self.began + options.max_time if options.max_time else None, memory)

    def _write_manifest(self, **state: Any) -> None:
        """state: the status, and what is known only now."""
        experiment, machine = self.experiment, self.workers.machine
        each = self.options.tune == "each"
        self.folder.write_manifest(
            {
                "schema": SCHEMA,
                "protocol": PROTOCOL,
                "name": experiment.name,
                "command": self.command,
                "experiment": self.plan.settings(),
                "inputs": inputs(experiment),
                "comparisons": [matching.label for matching in experiment.matchings],
                **({"matched": matched} if (matched := self.plan.matched()) else {}),
                "environment": machine["environment"],
                "environment_fingerprint": machine["fingerprint"],
                "device": {"picked": machine["device"], "reason": machine["reason"]},
                "trainings_planned": self.plan.planned(),
                "lr_ranges": {task.label: list(experiment.lr_range(task)) for task in experiment.tasks},
                **({"first_look": FIRST_LOOK} if each else {}),
                **({"states": self.states} if self.states else {}),
                **({"extended": True} if self.looked_again else {}),
                **state,
            }
        )
