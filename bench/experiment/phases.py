"""The phases of a run: what it announces, its searches, its timings, and what it writes at the end.

A replicate is the whole procedure, done once: data of its own, a search of its own with the same starting points for
every model, and the test score of its selected trial. Then each model's most frequent configuration is timed, alone on
the machine. With `--tune once` one search on replicate 0 serves all replicates.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from threadpoolctl import threadpool_limits

from bench.analysis.table_files import write_tables
from bench.experiment.announcement import announcements
from bench.experiment.cell import CellPlan
from bench.experiment.driver import Driver, Limits
from bench.experiment.manifest_content import manifest_content
from bench.experiment.mirror import Mirror
from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.experiment.plan import Plan
from bench.experiment.references import record_references
from bench.experiment.replicate import Replicate, SearchForAll, Timing
from bench.experiment.settling import look, more_replicates
from bench.experiment.workers import Workers
from bench.measure.machine_memory import GIB, worker_limit
from bench.records import manifest
from bench.records.folder import ResultsFolder
from bench.records.ledger import Ledger
from bench.records.schema import STAGES
from bench.records.selection import drop_superseded, most_frequent
from tasks.errors import UserError, listed

MOST_TASKS = 5  # that a note names


class Phases:
    """The phases of one run, whose folder is open and whose workers have started."""

    def __init__(
        self,
        plan: Plan,
        folder: ResultsFolder,
        workers: Workers,
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
        for text in announcements(self.plan, self.ledger, self.workers.machine, self.workers.count):
            self.observer.note(text)
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
        self.observer.planned(self.plan.planned(self.plan.worked_on))

    def _search_for_all(self) -> Sequence[Timing]:
        """One search for each cell, and its choice trained on every replicate; what is to be timed."""
        searches = [SearchForAll(cell, self.plan.count(cell), self.mirror) for cell in self.plan.cells]
        self.driver.run(searches, meanwhile=self._references())
        fingerprint = self.workers.machine["fingerprint"]
        return [Timing(s.plan, s.chosen, 1, fingerprint) for s in searches if s.chosen is not None]

    def _replicates(self) -> Sequence[Timing]:
        """Every replicate of each cell, with --until-settled as many as it takes; what is to be timed."""
        most, cells = max(self.plan.replicates.values()), self.plan.worked_on
        self._complete([(c, n) for n in range(1, most + 1) for c in cells if n <= self.plan.count(c)])
        while self.options.until_settled and not self.driver.out_of_time:
            states = look(self.plan)
            self.states = {f"{match} {task}": state for (match, task), state in states.items()}
            wanted = more_replicates(self.plan, states)
            if not wanted:
                break
            new = [pair for part, count in wanted.items() for pair in self.plan.add(part, count)]
            self._announce()
            self._complete(new)
        return [timing for cell in self.plan.worked_on if (timing := self._timing(cell)) is not None]

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
        elsewhere = [lack for lack in missing if lack["task"] in self.plan.left_alone]
        status: dict[str, Any] = {"status": "complete"}
        if late or elsewhere:
            status = {"status": "out of time" if late else manifest.IN_PART, "missing": missing if late else elsewhere}
        if elsewhere:
            tasks = listed(dict.fromkeys(lack["task"] for lack in elsewhere), MOST_TASKS)
            self.observer.note(f"not asked for now, and not complete: {tasks}")
        notes = {"cohort_notes": self.workers.notes} if self.workers.notes else {}
        self._write_manifest(**status, **notes, seconds=seconds)
        statuses = [status for place, status in self.ledger.statuses() if place.stage != "reference"]
        failures = sum(status != "ok" for status in statuses)
        lacking = [lack for lack in missing if lack not in elsewhere] if late else []
        left = sum(entry[stage] for entry in lacking for stage in STAGES if stage in entry)
        return Outcome(self.folder.path, failures, len(statuses), seconds, left)

    def _limits(self) -> Limits:
        options = self.options
        memory = int(options.memory * GIB) if options.memory else None
        if memory is None and options.executor == "local":
            memory = worker_limit(self.workers.count)
        return Limits(options.timeout, self.began + options.max_time if options.max_time else None, memory)

    def _write_manifest(self, **state: Any) -> None:
        """state: the status, and what is known only now."""
        known = {"states": self.states} if self.states else {}
        again = {"extended": True} if self.looked_again else {}
        content = manifest_content(self.plan, self.workers.machine, self.command, self.folder.own_manifest)
        self.folder.write_manifest({**content, **known, **again, **state})
