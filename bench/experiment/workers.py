"""The workers of a run: started, and checked before the first training.

Tasks are checked here, and models on a worker, because that is where they will be trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from bench.config.experiment import Experiment
from bench.executors.executor import Executor
from bench.experiment.contracts import check_models, check_tasks
from bench.experiment.equal_time import timed_sizes
from bench.experiment.machine import look_at_machine, open_executor, with_cohorts
from bench.experiment.matched import Timed
from bench.experiment.observer import Observer
from bench.experiment.time_limit import ready_by


class Workers:
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
            check_tasks(experiment, observer)
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
