"""The validated experiment: what follows from its options, and the identity that two equal ones share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from bench.config.budgets import FIRST_LOOK
from bench.config.contenders import Entry, entries
from bench.config.given import REMOVED
from bench.config.matching import TOLERANCES, Matching, matchings
from bench.config.naming import extending
from bench.config.options import OPTIONS, Options, keys_deciding
from bench.config.searched import Ranges, asked_ranges, of_training
from bench.models.contract import Model
from bench.models.search_twin import search_twin
from bench.records.schema import digest
from bench.records.secrets import masked
from bench.seeds import generator
from tasks.contract import Task
from tasks.registry import code_hash


@dataclass(frozen=True)
class Experiment:
    """A validated experiment: names are looked up, budgets filled in."""

    name: str
    options: Options  # with the budget's values filled in
    tasks: tuple[Task, ...]
    models: tuple[Model, ...]
    ranges: tuple[Ranges, ...] = ()  # of each model, which of its own hyper-parameters are searched
    engine: Literal["auto", "exact"] = "exact"  # the one asked for; exact where auto would change nothing
    own_schemes: tuple[str | None, ...] = ()  # of each model, where it names one: gru[init=chrono]
    left_out: Mapping[str, str] = field(default_factory=dict)  # tasks of a recipe that can't be made here, and why

    @property
    def results_folder(self) -> Path:
        return Path(self.options.results) / self.name

    @property
    def reports_folder(self) -> Path:
        return Path(self.options.reports) / self.name

    @property
    def matchings(self) -> list[Matching]:
        """The comparisons, each fair in another way."""
        options = self.options
        return matchings(options.match, options.hidden_sizes or (), options.layers or (), options.parameter_budgets)

    @property
    def tolerances(self) -> dict[str, float]:
        """How far a model may be from the budget of a comparison, by its kind, relative."""
        asked = self.options.match_tolerance
        return TOLERANCES if asked is None else dict.fromkeys(TOLERANCES, asked)

    @property
    def entries(self) -> list[Entry]:
        """What is compared: each model with each initialisation scheme."""
        found = entries(self.models, self.options.init, self.own_schemes)
        own = dict(zip(self.models, self.ranges, strict=True)) if any(self.ranges) else {}
        return [replace(entry, ranges=own.get(entry.model, {})) for entry in found] if own else found

    @property
    def searched(self) -> Ranges:
        """What is searched of every training, beyond sizes, learning rate and initial weights."""
        return of_training(asked_ranges(self.options.search))

    @property
    def uses_torch(self) -> bool:
        """Whether any model does; if not, workers start without it, in half the time, with a quarter of the memory."""
        return any(model.uses_torch for model in self.models)

    def search_twin(self, model: Model, device: str) -> Model | None:
        """The faster model that may train the trials of a search on a device in place of `model`; None: none may."""
        options = self.options
        return search_twin(
            model,
            device=device,
            dropout=options.dropout,
            precision=options.precision,
            optimizer=options.optimizer,
            rate_changes_each_step=options.schedule == "cosine" or options.warmup > 0,
        )

    def steps(self, task: Task) -> int:
        """Optimiser steps of one training on `task`."""
        if self.options.epochs is not None:
            return self.options.epochs * self.steps_per_epoch(task)
        return self.options.steps or task.defaults.steps[self.options.budget]

    def steps_per_epoch(self, task: Task) -> int:
        """Batches in one pass over the training data; the last may be smaller."""
        return math.ceil(_training_sequences(task) / self.batch_size(task))

    def evaluation_interval(self, task: Task) -> int | None:
        """Steps between evaluations: an epoch where the budget is given in epochs; None: what a training can afford."""
        return None if self.options.epochs is None else self.steps_per_epoch(task)

    def batch_size(self, task: Task) -> int:
        """Sequences of a batch; "full" is all of the training data, one step an epoch."""
        if self.options.batch_size == "full":
            return _training_sequences(task)
        return self.options.batch_size or task.defaults.batch_size

    def lr_range(self, task: Task) -> tuple[float, float]:
        """The range of learning rates that the search draws from, log scale."""
        if self.options.lr_range is None:
            return task.defaults.learning_rate
        low, high = self.options.lr_range
        return low, high

    def settings(self) -> dict[str, Any]:
        """The resolved options as JSON: what `experiment.json` keeps and `--config` reads again."""
        values = {f.name: getattr(self.options, f.name) for f in fields(Options)}
        values["name"], values["engine"] = self.name, self.engine
        values["storage"] = values["storage"] and masked(values["storage"])  # a password is kept nowhere
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    def identity(self, *, saved_models: bool = False) -> str:
        """SHA-256 of all that decides the outcome: two experiments that differ in it never share a folder.

        More replicates extend an experiment, and so do more trials: how many there are is no part of it. Options have
        their oldest names here, and are left out at the value that experiments had before there was a
        choice: an experiment that was recorded by an earlier version keeps its identity, and so its folder.

        saved_models: as experiments of an earlier version had it that were run with --save-models, which once was
        part of the identity.
        """
        settings: dict[str, Any] = {key: harmless for key, (harmless, _) in REMOVED.items()}
        for key in keys_deciding("outcome", "plan", "extent"):
            value = self.engine if key == "engine" else getattr(self.options, key)
            if key not in extending(self.options) and value != OPTIONS[key].before:
                settings[OPTIONS[key].alias or key] = list(value) if isinstance(value, tuple) else value
        settings["save_models"] = saved_models
        if self.options.tune == "each":
            settings["first_look"] = FIRST_LOOK
        settings["tasks"] = [
            [t.name, t.version, t.identity(), code_hash(type(t)), self.steps(t), self.batch_size(t)] for t in self.tasks
        ]
        settings["models"] = [[m.name, m.version, m.identity(), code_hash(type(m))] for m in self.models]
        if any(self.ranges):
            settings["ranges"] = [dict(one) for one in self.ranges]
        if any(self.own_schemes):
            settings["own_schemes"] = list(self.own_schemes)
        settings["lr_range"] = [list(self.lr_range(t)) for t in self.tasks]
        settings["plugins"] = [Path(path).name for path in self.options.plugins]
        return digest(settings)


@lru_cache(maxsize=64)
def _training_sequences(task: Task) -> int:
    """How many the task makes; the same for every seed."""
    return len(task.generate(generator("count", task.name)).train)
