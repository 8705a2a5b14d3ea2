"""One cell of an experiment: a model on a task under one comparison, from its search to its timing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from bench.config.budgets import BUDGETS
from bench.config.contenders import Entry
from bench.config.matching import Matching
from bench.config.resolve import Experiment
from bench.experiment.driver import Cell, Order
from bench.experiment.mirror import Mirror
from bench.experiment.pruning import count_trainings, search_with_pruning
from bench.experiment.search import (
    Ask,
    Asked,
    Point,
    Space,
    Study,
    count_trials,
    search,
)
from bench.measure.device import device_of
from bench.models.contract import Model, Problem, Settings
from bench.models.sizing import hidden_size_for, total_parameters
from bench.records.schema import Record
from bench.training.data import load_data
from bench.training.evaluations import CONFIRM_SHARE, TRIAL_SHARE, count_evaluations
from bench.training.jobs import TimingJob, TrainingJob
from bench.training.request import Training
from tasks.contract import Task

FUSED = "onednn"  # a kernel that is timed a second time, without oneDNN
SEARCH_REPLICATE = 0  # the confirm stage uses 1, 2, …


@dataclass
class CellPlan:
    """What a cell is to do.

    chosen: what its search found (None: not yet, or nothing that trains). kernel: what its confirmed trainings ran on.
    """

    experiment: Experiment
    matching: Matching
    task: Task
    entry: Entry
    device: str
    chosen: Point | None = None
    kernel: str | None = None

    @property
    def model(self) -> Model:
        return self.entry.model

    @property
    def name(self) -> tuple[str, str, str]:
        """Comparison, task and entry, as records call them."""
        return self.match, self.task.label, self.entry.label

    @property
    def match(self) -> str:
        """What records call the comparison."""
        return self.matching.label

    def space(self) -> Space:
        """Where the search may look: the comparison's sizes and depths, and learning rates from the range."""
        matching, rates = self.matching, self.experiment.lr_range(self.task)
        sizes, layers = matching.hidden_sizes, matching.layers
        if matching.kind == "params":
            problem = Problem.of(self.task, load_data(self.task, self.experiment.options.seed, SEARCH_REPLICATE).train)
            budget = matching.parameters
            if budget is None:
                budget = total_parameters(self.experiment.models[0], problem, sizes[0], layers[0])
            sizes = (hidden_size_for(self.model, problem, budget, layers[0]),)
        return Space(sizes, layers, rates, self.entry.schemes)

    def training(self, point: Point, replicate: int) -> Training:
        """The training of a point of the search space on one replicate."""
        options, searching = self.experiment.options, replicate == SEARCH_REPLICATE
        settings = Settings(
            hidden_size=point.hidden_size,
            num_layers=point.num_layers,
            learning_rate=point.learning_rate,
            dropout=options.dropout,
            init=point.init,
            weight_decay=options.weight_decay,
            clip_norm=options.clip_norm,
            device=device_of(self.model, self.device),
            precision=options.precision,  # type: ignore[arg-type] # checked with the options
        )
        return Training(
            self.task,
            self.model,
            settings,
            batch_size=self.experiment.batch_size(self.task),
            steps=self.experiment.steps(self.task),
            replicate=replicate,
            seed=options.seed,
            plateau_patience=options.plateau_patience,
            evaluation_interval=self._evaluation_interval(TRIAL_SHARE if searching else CONFIRM_SHARE),
            on_test_data=not searching,
        )

    def search_and_confirm(self, mirror: Mirror) -> Cell:
        """The two stages whose trainings may run beside others.

        mirror: is shown every trial.
        """
        options = self.experiment.options
        ask = self._search()
        records: list[Record] | None = None
        while True:
            try:
                asked = next(ask) if records is None else ask.send(records)
            except StopIteration as end:
                self.chosen = end.value
                break
            orders = [self._search_order(trial) for trial in asked]
            records = yield orders
            mirror.show(self.name, self.space(), records)
        if self.chosen is not None:
            trainings = [self.training(self.chosen, replicate) for replicate in range(1, (options.replicates or 1) + 1)]
            confirmed = yield [self._order("confirm", training) for training in trainings]
            self.kernel = next((record["kernel"] for record in confirmed if record.get("kernel")), None)

    def time(self, environment: str) -> Cell:
        """The stage that must run alone. `environment`: the machine's fingerprint, since a time belongs to it."""
        if self.chosen is not None:
            seconds = BUDGETS[self.experiment.options.budget].timing_seconds
            training = self.training(self.chosen, 1)
            identity = self._identity("time", training)
            records = yield [Order(TimingJob(training, seconds, environment), identity)]
            if records[0]["kernel"] == FUSED:  # which other cells have not: say what torch's own does
                yield [Order(TimingJob(training, seconds, environment, onednn=False), identity)]

    def planned(self) -> dict[str, int]:
        """How many trainings and timings each stage has, if no search fails whole.

        Before the confirm stage has shown the kernel, one timing is planned.
        """
        options = self.experiment.options
        trials = count_trials(self.space(), options.sampler, options.trials or 1)
        if options.prune:
            trials = count_trainings(trials, self.experiment.steps(self.task), self._interval())
        return {"search": trials, "confirm": options.replicates or 1, "time": 2 if self.kernel == FUSED else 1}

    def _search(self) -> Ask:
        options = self.experiment.options
        study = Study(
            self.space(),
            sampler=options.sampler,
            trials=options.trials or 1,
            seed_parts=[options.seed, self.task.name, self.task.identity()],
        )
        if options.prune:
            return search_with_pruning(study, self.experiment.steps(self.task), self._interval())
        return search(study)

    def _evaluation_interval(self, share: float) -> int:
        """Steps between evaluations that take at most this share of a training's time, or an epoch."""
        asked = self.experiment.evaluation_interval(self.task)
        if asked is not None:
            return asked
        steps, batch_size = self.experiment.steps(self.task), self.experiment.batch_size(self.task)
        valid = load_data(self.task, self.experiment.options.seed, SEARCH_REPLICATE).valid
        return math.ceil(steps / count_evaluations(steps * batch_size, len(valid), share))

    def _interval(self) -> int:
        return self.training(Point(1, 1, 1.0), SEARCH_REPLICATE).interval

    def _search_order(self, asked: Asked) -> Order:
        training = replace(self.training(asked.point, SEARCH_REPLICATE), stop_after=asked.steps)
        return self._order("search", training, asked.number)

    def _order(self, stage: str, training: Training, trial: int | None = None) -> Order:
        keep = stage == "confirm"
        job = TrainingJob(training, keep, keep and self.experiment.options.save_models)
        return Order(job, self._identity(stage, training, trial))

    def _identity(self, stage: str, training: Training, trial: int | None = None) -> dict[str, Any]:
        """What a record says of its place here: the model is called as this experiment calls it."""
        model = {**training.describe()["model"], "label": self.entry.label}
        return {"stage": stage, "match": self.match, "trial": trial, "model": model}
