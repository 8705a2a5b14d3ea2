"""Train selected replicates of an experiment's cells, without a search; each training ends at its target."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from bench.config.experiment import Experiment
from bench.executors.executor import Executor
from bench.experiment.cell import CellPlan
from bench.experiment.driver import Driver, Limits
from bench.experiment.machine import look_at_machine, open_executor, perform_alone
from bench.experiment.observer import Observer
from bench.experiment.order import OneBatch, Order
from bench.gate.baseline import Replicates, cells_of, configuration
from bench.gate.exact import ExactProblem
from bench.gate.kept import NAME as KEPT
from bench.gate.kept import KeptCell, write_kept
from bench.gate.replicates import CellName
from bench.gate.rule import TWINS
from bench.gate.start import Starts
from bench.gate.tables import Sketches
from bench.gate.this_code.side_by_side import perform_side_by_side
from bench.gate.this_code.sketch_job import SketchJob
from bench.gate.this_code.trace_job import TraceJob
from bench.gate.this_code.twins import TwinsJob, twins_of
from bench.gate.trace import TRACED, Trace
from bench.records.folder import RECORDS, ResultsFolder
from bench.records.jsonl import RecordFile
from bench.records.ledger import Ledger
from bench.records.schema import Record
from bench.training.jobs import TrainingJob
from bench.training.request import Training
from tasks.errors import UserError


class Session:
    """Trains the replicates of a check or of a new baseline. A context manager, as it holds a folder and workers.

    Trainings are recorded in the experiment's `results/NAME/records.jsonl`, which is emptied first: records of older
    code would not describe this code. What else is measured goes into `exact.json` beside it. Raises UserError if a
    cell has more than one configuration, and on entering if the folder or the device cannot be used.

    recorded: False for what trains nothing to its end, as `--quick`: it has no folder, and an earlier check's is left
    as it is.
    """

    name = "this code"

    def __init__(
        self, experiment: Experiment, observer: Observer, executor: Executor | None = None, *, recorded: bool = True
    ) -> None:
        self.experiment, self._observer, self._executor = experiment, observer, executor
        self._plans = _plans(experiment)
        self._folder = ResultsFolder(experiment.results_folder, experiment.identity()) if recorded else None
        self._planned = 0
        self._kept: dict[CellName, KeptCell] = {}

    def __enter__(self) -> Session:
        if self._folder is not None:
            self._folder.check(fresh=True)
        executor = self._executor or open_executor(self.experiment, self._observer)
        try:
            machine = look_at_machine(self.experiment, executor)
            if self._folder is not None:
                self._folder.open(fresh=True)
                (self._folder.path / KEPT).unlink(missing_ok=True)
        except BaseException:
            executor.close()
            raise
        self._executor = executor
        self.environment: Mapping[str, Any] = machine["environment"]
        self.fingerprint: str = machine["fingerprint"]
        self._plans = {name: replace(plan, device=machine["device"]) for name, plan in self._plans.items()}
        self._observer.note(f"device {machine['reason']}")
        if self._folder is not None:
            common = {"experiment": self.experiment.name, "budget": self.experiment.options.budget}
            self._ledger = Ledger(
                RecordFile(self._folder.path / RECORDS),
                {**common, "environment": self.fingerprint},
                f"python -m bench rerun {self.experiment.name}",
            )
            self._write_manifest(self._folder, "in progress")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._executor is not None, "__enter__ opened it"
        self._executor.close()
        if self._folder is None:
            return
        self._ledger.close()
        with contextlib.suppress(OSError) if error else contextlib.nullcontext():  # the error says more
            write_kept(self._folder.path, self._kept)
            self._write_manifest(self._folder, "interrupted" if error else "complete")
        self._folder.close()

    def _write_manifest(self, folder: ResultsFolder, status: str) -> None:
        """Write `experiment.json`: what is trained, where, and how far that has come."""
        folder.write_manifest(
            {
                "name": self.experiment.name,
                "experiment": self.experiment.settings(),
                "environment": self.environment,
                "environment_fingerprint": self.fingerprint,
                "status": status,
            }
        )

    def _keep(self, name: CellName) -> KeptCell:
        return self._kept.setdefault(name, KeptCell())

    @property
    def configurations(self) -> Mapping[CellName, Mapping[str, Any]]:
        return {name: configuration(self._training(name, 1).describe()) for name in self._plans}

    def train(self, cells: Sequence[CellName], numbers: Sequence[int]) -> Mapping[CellName, Replicates]:
        """Train replicates of cells. A training whose worker process died repeatedly is included as failed."""
        return {name: cell.replicates for name, cell in cells_of(self.records(cells, numbers)).items()}

    def records(self, cells: Sequence[CellName], numbers: Sequence[int]) -> list[Record]:
        """Train on all workers at once, the most expensive trainings first, and return the records."""
        assert self._executor is not None, "train within the context"
        self._planned += len(cells) * len(numbers)
        self._observer.planned(self._planned)
        limits = Limits(self.experiment.options.timeout)
        batches = [self._trainings(name, numbers) for name in cells]
        Driver(self._executor, self._ledger, self._observer, limits).run(batches)
        return [record for batch in batches for record in batch.records]

    def traces(self, cells: Sequence[CellName]) -> Mapping[CellName, Mapping[int, Trace]]:
        """Run the first steps of replicates `TRACED`; a cell that fails has an empty trace."""
        assert self._executor is not None, "trace within the context"
        places = [(name, number) for name in cells for number in TRACED]
        jobs = [TraceJob(self._training(name, number)) for name, number in places]
        records = perform_side_by_side(jobs, self._executor)
        found: dict[CellName, dict[int, Trace]] = {}
        for (name, number), record in zip(places, records, strict=True):
            found.setdefault(name, {})[number] = record.get("trace") or {}
        for name, traces in found.items():
            self._keep(name).traces |= traces
        return found

    def sketches(self, wanted: Mapping[CellName, Sequence[int]]) -> Starts:
        """Sketch what replicates start from; one whose learner cannot be built has no sketch."""
        assert self._executor is not None, "sketch within the context"
        # replicates of one task side by side: a worker keeps the data of a few
        places = sorted((name.task, number, name) for name, numbers in wanted.items() for number in numbers)
        jobs = [SketchJob(self._training(name, number)) for _, number, name in places]
        records = perform_side_by_side(jobs, self._executor)
        found: dict[CellName, dict[int, Sketches]] = {}
        for (_, number, name), record in zip(places, records, strict=True):
            found.setdefault(name, {})[number] = record.get("sketches") or {}
        for name, sketches in found.items():
            self._keep(name).sketches |= sketches
        return found

    def exact_problems(self, cells: Sequence[CellName]) -> Mapping[CellName, list[ExactProblem]]:
        """Find NumPy cells whose losses or gradients in float64 differ from torch's cell on the same task."""
        assert self._executor is not None, "compare within the context"
        found: dict[CellName, list[ExactProblem]] = {}
        for first, second in twins_of(cells):
            record = perform_alone(TwinsJob(self._training(first, 1), self._training(second, 1)), self._executor)
            if record.get("error"):
                text = f"comparing it with {first.model} in float64 failed: {record['error']}"
                found.setdefault(second, []).append(ExactProblem("numpy_twin", text, True))
            for what in ("losses", "gradients"):
                if not record.get(what, 0.0) <= TWINS:  # NaN too
                    text = (
                        f"{what} differ from {first.model}'s in float64 by {record[what]:.1e}, rounding explains 1e-8"
                    )
                    found.setdefault(second, []).append(ExactProblem("numpy_twin", text, True))
        for name, problems in found.items():
            self._keep(name).problems = problems
        return found

    def _training(self, name: CellName, replicate: int) -> Training:
        plan = self._plans[name]
        point = plan.space().only
        assert point is not None, "_plans() refuses cells that leave a choice"
        training = plan.training(point, replicate)
        # steps to target need all the points that a curve may have, whatever they cost; with epochs, one point each
        interval = training.evaluation_interval if self.experiment.options.epochs else None
        return replace(training, evaluation_interval=interval, stop_at_target=True, on_test_data=False)

    def _trainings(self, name: CellName, numbers: Sequence[int]) -> OneBatch:
        trainings = [self._training(name, number) for number in numbers]
        identity = {"stage": "confirm", "match": self._plans[name].match, "trial": None}
        model = {**trainings[0].describe()["model"], "label": name.model}
        return OneBatch([Order(TrainingJob(training), {**identity, "model": model}) for training in trainings])


def planned_cells(experiment: Experiment) -> set[CellName]:
    """The cells that a baseline of the experiment has. UserError unless each is one configuration."""
    return set(_plans(experiment))


def _plans(experiment: Experiment) -> dict[CellName, CellPlan]:
    """Plan every cell. UserError unless each has exactly one configuration."""
    if len(experiment.matchings) > 1:
        raise UserError(
            f"a baseline needs exactly one comparison, this experiment has {len(experiment.matchings)}: give one "
            "--match, one hidden size and one number of layers"
        )
    plans = {}
    for task in experiment.tasks:
        for entry in experiment.entries:
            plan = CellPlan(experiment, experiment.matchings[0], task, entry, "cpu")
            if plan.space().only is None:
                raise UserError(
                    f"{task.label} × {entry.label} has several configurations to search, a baseline needs exactly one: "
                    "give one hidden size, one number of layers and LR,LR as lr_range, as the recipe gate does"
                )
            plans[CellName(task.label, entry.label)] = plan
    return plans
