"""One model on one task under one comparison: where its searches look, and what a training is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.config.contenders import Entry
from bench.config.experiment import Experiment
from bench.config.matching import BY_AMOUNT, Matching, MatchKind
from bench.config.searched import OWN
from bench.experiment.matched import Matched, Timed, amount_of, matched_size
from bench.experiment.points import count_trials, points_for_all, points_of_replicate
from bench.experiment.pruning import PrunedSearch, count_steps, count_trainings
from bench.experiment.search import ASKED_AT_ONCE, BatchSearch, LoneTrial, Point, Search, Space, Study
from bench.measure.device import device_of
from bench.models.contract import Model, Settings
from bench.training.data import DataFacts, data_facts
from bench.training.evaluations import RESULT_SHARE, SEARCH_SHARE, count_evaluations
from bench.training.request import Training
from tasks.contract import Task
from tasks.ranges import Choices, Interval

FUSED = "onednn"  # a kernel that is timed a second time, without oneDNN
TIMING_ROUNDS = 3  # what slows the machine down for a while meets all configurations
SEARCH_REPLICATE = 0  # of the one search for all replicates; those that results are made of are 1, 2, …


@dataclass
class CellPlan:
    """What is known of a cell before it runs. kernel: what its trainings ran on, once one has."""

    experiment: Experiment
    matching: Matching
    task: Task
    entry: Entry
    device: str
    kernel: str | None = None
    timed: Timed = field(default_factory=dict)  # sizes that were measured, or that the experiment has kept

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

    @property
    def facts(self) -> DataFacts:
        """Of the data of the search for all replicates, which are as large as those of any other."""
        return data_facts(self.task, self.experiment.options.seed, SEARCH_REPLICATE)

    def space(self) -> Space:
        """Where the search may look: the comparison's sizes and depths, and learning rates from the range."""
        matching, rates = self.matching, self.experiment.lr_range(self.task)
        sizes, layers = matching.hidden_sizes, matching.layers
        if (matched := self.matched()) is not None:
            sizes = (matched.hidden_size,)
        return Space(sizes, layers, rates, self.entry.schemes, tuple(self._more()))

    def _more(self) -> Iterator[tuple[str, Choices | Interval]]:
        """What else is searched. At equal amounts a hyper-parameter of the model that changes its amount is not."""
        yield from self.experiment.searched.items()  # first: models start from the same points
        kind = self.matching.kind
        for name, values in self.entry.ranges.items():
            ends = [self.model.with_values({name: values.at(part)}) for part in (0.0, 0.5, 1.0)]
            if kind not in BY_AMOUNT or (kind != "time" and self._is_same_amount(kind, ends)):
                yield OWN + name, values

    def _is_same_amount(self, kind: MatchKind, models: Sequence[Model]) -> bool:
        problem = self.facts.problem
        sizes, batch_size = (
            (self.matching.hidden_sizes[0], self.matching.layers[0]),
            self.experiment.batch_size(self.task),
        )
        return len({amount_of(kind, model, problem, *sizes, batch_size) for model in models}) == 1

    def matched(self) -> Matched | None:
        """The one size that a comparison at equal amounts gives the model; None for others, and before it is timed."""
        kind = self.matching.kind
        if kind not in BY_AMOUNT or kind == "time" or self.name in self.timed:
            return self.timed.get(self.name)
        return self.matched_to(self.matching.parameters)

    def matched_to(self, budget: int | None) -> Matched:
        """The size that brings the model nearest to a budget of the comparison; None: to that of the middle model."""
        matching, experiment, problem = self.matching, self.experiment, self.facts.problem
        middle, layers, batch_size = matching.hidden_sizes[0], matching.layers[0], experiment.batch_size(self.task)
        where = (self.model, problem, middle, layers, batch_size)
        return matched_size(matching.kind, budget, experiment.models, *where)

    def training(self, point: Point, replicate: int) -> Training:
        """The training of a point of the search space on one replicate."""
        options, searching = self.experiment.options, replicate == SEARCH_REPLICATE
        own, more = point.searched(OWN), point.searched("")
        settings = Settings(
            hidden_size=point.hidden_size,
            num_layers=point.num_layers,
            learning_rate=point.learning_rate,
            dropout=more.get("dropout", options.dropout),
            init=point.init,
            weight_decay=more.get("weight_decay", options.weight_decay),
            clip_norm=more.get("clip_norm", options.clip_norm),
            device=device_of(self.model, self.device),
            precision=options.precision,
            optimizer=options.optimizer,
        )
        return Training(
            self.task,
            self.model.with_values(own),
            settings,
            batch_size=more.get("batch_size", self.experiment.batch_size(self.task)),
            steps=self.experiment.steps(self.task),
            replicate=replicate,
            seed=options.seed,
            plateau_patience=options.plateau_patience,
            evaluation_interval=self._evaluation_interval(SEARCH_SHARE if searching else RESULT_SHARE),
            on_test_data=not searching,
            schedule="cosine" if options.schedule == "cosine" else "constant",
            warmup=options.warmup,
        )

    def search(self, replicate: int) -> Search:
        """The search of a replicate; `SEARCH_REPLICATE`: the one for all replicates.

        Its seed leaves the model out, so all models of a replicate start from the same points.
        """
        options, space, trials = self.experiment.options, self.space(), self.experiment.options.trials or 1
        seed_parts = [options.seed, self.task.name, self.task.identity()]
        if replicate == SEARCH_REPLICATE:
            points, first = points_for_all(space, options.sampler, trials, seed_parts), ASKED_AT_ONCE
        elif space.only is not None:
            return LoneTrial(space.only)
        else:
            seed_parts.append(replicate)
            points = points_of_replicate(space, options.sampler, trials, seed_parts)
            first = max(len(points.starts), ASKED_AT_ONCE)
        study = Study(space, points, seed_parts)
        if options.prune:
            return PrunedSearch(study, self.experiment.steps(self.task), self._interval(replicate))
        return BatchSearch(study, first)

    def planned(self, replicates: int) -> dict[str, int]:
        """How many trainings and measurements each stage has, if no search fails whole.

        Before a training has shown the kernel, one timing is planned.
        """
        timings, lone = self.timing_rounds * (2 if self.kernel == FUSED else 1), self.space().only is not None
        if self.experiment.options.tune == "once":
            searched = 0 if lone else self._count_trainings(SEARCH_REPLICATE)
            return {"search": searched, "confirm": replicates, "time": timings}
        if lone:
            return {"trial": replicates, "time": timings}
        again = {"train": replicates} if self.twin is not None else {}
        return {"trial": self._count_trainings(1) * replicates, **again, "examine": replicates, "time": timings}

    def _count_trainings(self, replicate: int) -> int:
        """Trainings of the search of a replicate."""
        options = self.experiment.options
        trials = count_trials(self.space(), options.sampler, options.trials or 1)
        if not options.prune:
            return trials
        return count_trainings(trials, self.experiment.steps(self.task), self._interval(replicate))

    def mean_trial_steps(self) -> float:
        """Optimiser steps of a training of the search on average; fewer than those of a whole one with `--prune`."""
        options, steps = self.experiment.options, self.experiment.steps(self.task)
        if not options.prune or self.space().only is not None:
            return steps
        trials = count_trials(self.space(), options.sampler, options.trials or 1)
        return count_steps(trials, steps, self._interval(1)) / self._count_trainings(1)

    def _evaluation_interval(self, share: float) -> int:
        """Steps between evaluations that take at most this share of a training's time, or an epoch."""
        asked = self.experiment.evaluation_interval(self.task)
        if asked is not None:
            return asked
        steps, batch_size = self.experiment.steps(self.task), self.experiment.batch_size(self.task)
        return math.ceil(steps / count_evaluations(steps * batch_size, self.facts.valid, share))

    def _interval(self, replicate: int) -> int:
        return self.training(Point(1, 1, 1.0), replicate).interval

    @property
    def twin(self) -> Model | None:
        """The faster model that trains the trials of a search in place of the cell's own; None: its own does."""
        space = self.space()
        if self.experiment.engine == "exact" or space.only is not None:
            return None
        if any(name.startswith(OWN) or name == "dropout" for name, _ in space.more):
            return None
        return self.experiment.search_twin(self.model, device_of(self.model, self.device))

    @property
    def timing_rounds(self) -> int:
        """In how many rounds all configurations are timed in turn; one where a search for all replicates was made, as
        it was in the first protocol."""
        return TIMING_ROUNDS if self.experiment.options.tune == "each" else 1
