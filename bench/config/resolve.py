"""The experiment that a user asks for: defaults < TOML < flags, merged once, here, and its names looked up."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench.config.budgets import FIRST_LOOK
from bench.config.contenders import Entry, entries
from bench.config.matching import Matching, matchings
from bench.config.options import (
    LONGEST_NAME,
    PLACES,
    SERIES_OPTIONS,
    Options,
    check,
    convert_option,
    fill_in,
    refuse_duplicates,
    rename_options,
)
from bench.models.contract import Model
from bench.models.registry import MODELS
from bench.records.schema import digest
from bench.seeds import generator
from tasks.contract import Task
from tasks.errors import UserError, unknown
from tasks.registry import TASKS, code_hash, load_plugin_file
from tasks.spec import Spec


@dataclass(frozen=True)
class Experiment:
    """A validated experiment: names are looked up, budgets filled in."""

    name: str
    options: Options  # with no None left where a budget or a core count decides
    tasks: tuple[Task, ...]
    models: tuple[Model, ...]

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
    def entries(self) -> list[Entry]:
        """What is compared: each model with each initialisation scheme."""
        return entries(self.models, self.options.init)

    @property
    def uses_torch(self) -> bool:
        """Whether any model does; if not, workers start without it, in half the time, with a quarter of the memory."""
        return any(model.uses_torch for model in self.models)

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
        values["name"] = self.name
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    def identity(self) -> str:
        """SHA-256 of all that decides the outcome: two experiments that differ in it never share a folder.

        More replicates extend an experiment, and so do more trials: how many there are is no part of it.
        """
        left_out = (*PLACES, *SERIES_OPTIONS, *extending(self.options))
        settings = {key: value for key, value in self.settings().items() if key not in left_out}
        if self.options.tune == "once":  # folders of before there was a choice stay whose they are
            replicates = settings.pop("replicates")
            settings = {key: settings[key] for key in settings if key not in SECOND_PROTOCOL}
            settings |= {"seeds": replicates, "asynchronous": False}
        else:
            settings["first_look"] = FIRST_LOOK
        settings["tasks"] = [
            [t.name, t.version, t.identity(), code_hash(type(t)), self.steps(t), self.batch_size(t)] for t in self.tasks
        ]
        settings["models"] = [[m.name, m.version, m.identity(), code_hash(type(m))] for m in self.models]
        settings["lr_range"] = [list(self.lr_range(t)) for t in self.tasks]
        if settings["precision"] == "float32":  # folders of before there was a choice stay whose they are
            del settings["precision"]
        settings["plugins"] = [Path(path).name for path in self.options.plugins]
        return digest(settings)


# options that the first protocol did not have
SECOND_PROTOCOL = ("tune", "until_settled", "max_replicates")


def extending(options: Options) -> tuple[str, ...]:
    """The options that make the same experiment larger: what is recorded stays part of it.

    With one search for all replicates, none does: another search chooses another configuration. Brackets of pruned
    trials depend on how many there are.
    """
    if options.tune == "once":
        return ()
    return ("replicates", "until_settled", "max_replicates", *(() if options.prune else ("trials",)))


def resolve(
    flags: Mapping[str, Any], config: Mapping[str, Any] | None = None, *, recipe: str | None = None
) -> Experiment:
    """The experiment for the flags that were given (absent or None: not given) over a config file's values.

    recipe: `config` is the recipe of this name, which then names the experiment. At the budget smoke a recipe keeps
    its tasks, models and configuration, and takes the budget's steps, trials and replicates.
    """
    flags = rename_options({key: value for key, value in flags.items() if value is not None})
    config = _yielding(rename_options(config or {}), flags, smoke=recipe is not None and flags.get("budget") == "smoke")
    given = {**config, **flags}
    known = {f.name for f in fields(Options)}
    for key in given:
        if key not in known:
            raise unknown("option", key, known)
    options = Options(**{key: convert_option(key, value) for key, value in given.items()})
    for plugin in options.plugins:
        module = load_plugin_file(plugin)
        if TASKS.load_plugin(module) + MODELS.load_plugin(module) == 0:
            raise UserError(f"plug-in {plugin} defines no task and no model: subclass Task or Model in it")
    options = check(fill_in(options))
    models = _create(MODELS.create, [Spec.parse(text) for text in options.models], "model")
    for model in models:
        if options.precision not in model.precisions:
            raise UserError(
                f"--precision {options.precision}: model {model.label} computes in {', '.join(model.precisions)} only: "
                "leave out one of them"
            )
    budget_parameters = {name: cls.budgets.get(options.budget, {}) for name, cls in TASKS.entries().items()}
    specs = [Spec.parse(text) for text in options.tasks or ()]
    specs += [Spec("series", _series_parameters(options))] if options.data else []
    tasks = _create(lambda spec: TASKS.create(spec, **budget_parameters.get(spec.name, {})), specs, "task")
    name = options.name or (recipe_name(recipe, options, flags) if recipe else default_name(options))
    return Experiment(name, options, tuple(tasks), tuple(models))


def _yielding(config: Mapping[str, Any], flags: Mapping[str, Any], *, smoke: bool) -> dict[str, Any]:
    """A config without what flags replace under another name: steps and epochs are two names of one thing."""
    dropped = {"steps", "epochs"} if smoke or flags.keys() & {"steps", "epochs"} else set()
    dropped |= {"trials", "replicates"} if smoke else set()
    return {key: value for key, value in config.items() if key not in dropped}


def recipe_name(recipe: str, options: Options, flags: Mapping[str, Any]) -> str:
    """The recipe's own name; with flags that change the outcome it gets the budget, or a short hash of them."""
    changed = {key: getattr(options, key) for key in flags if key not in (*PLACES, *extending(options))}
    if not changed:
        return recipe
    budget = f"-{changed.pop('budget')}" if "budget" in changed else ""
    return f"{recipe}{budget}-{digest(sorted(changed.items()))[:6]}" if changed else f"{recipe}{budget}"


def default_name(options: Options) -> str:
    """A name that says what was compared; options that change the outcome add a short hash, so names never clash."""
    parts = [Path(options.data).stem] if options.data else []
    parts += [re.sub(r"\W+", "_", model).strip("_") for model in options.models]
    parts.append(options.budget)
    parts += ["once"] if options.tune == "once" else []
    plain = replace(Options(), models=options.models, budget=options.budget, data=options.data, tune=options.tune)
    plain = fill_in(plain)
    plain = replace(plain, target=options.target)
    changed = {
        f.name: getattr(options, f.name)
        for f in fields(Options)
        if f.name not in (*PLACES, *extending(options)) and getattr(options, f.name) != getattr(plain, f.name)
    }
    name = "-".join(parts)
    if changed or any("[" in model for model in options.models) or options.data or len(name) > LONGEST_NAME:
        hashed = digest([list(options.models), options.data, options.target, sorted(changed.items())])[:6]
        return f"{name[: LONGEST_NAME - 7]}-{hashed}"
    return name


@lru_cache(maxsize=64)
def _training_sequences(task: Task) -> int:
    """How many the task makes; the same for every seed."""
    return len(task.generate(generator("count", task.name)).train)


def _create(create: Any, specs: list[Spec], kind: str) -> list[Any]:
    made = [create(spec) for spec in specs]
    refuse_duplicates(f"--{kind}s", [entry.label for entry in made])
    return made


def _series_parameters(options: Options) -> dict[str, Any]:
    given = {"targets" if key == "target" else key: getattr(options, key) for key in SERIES_OPTIONS}
    return {key: value for key, value in given.items() if value is not None}
