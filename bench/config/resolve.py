"""The experiment that a user asks for: flags override a TOML file, which overrides defaults; names are looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.config.checks import check
from bench.config.contenders import check_entries, own_scheme
from bench.config.experiment import Experiment
from bench.config.given import by_current_names, convert_option, fill_in
from bench.config.matching import BY_AMOUNT
from bench.config.naming import default_name, recipe_name
from bench.config.option import refuse_duplicates
from bench.config.options import Options, keys_deciding
from bench.config.references import require_references
from bench.config.searched import Ranges, asked_ranges, of_training, ranges_of, refuse_too_many, refuse_unknown_models
from bench.models.contract import Model
from bench.models.registry import MODELS
from tasks.checking import check_identity
from tasks.contract import Task
from tasks.errors import NotInstalledError, UserError
from tasks.ranges import Choices
from tasks.registry import TASKS, load_plugin_file
from tasks.spec import Spec


def asked_models(options: Options) -> tuple[tuple[Model, ...], tuple[str | None, ...], tuple[Ranges, ...]]:
    """The models that are compared, the scheme that each names (`gru[init=chrono]`), and what is searched of each."""
    asked = [own_scheme(Spec.parse(text)) for text in options.models]
    models = tuple(_create(MODELS.create, [spec for spec, _ in asked]))
    search = asked_ranges(options.search)
    refuse_unknown_models(search, models)
    ranges = tuple(ranges_of(spec, search) for spec, _ in asked)
    for model, own in zip(models, ranges, strict=True):
        refuse_too_many(model, own, of_training(search))
    return models, tuple(scheme for _, scheme in asked), ranges


def resolve(
    flags: Mapping[str, Any], config: Mapping[str, Any] | None = None, *, recipe: str | None = None
) -> Experiment:
    """The experiment for the flags that were given (absent or None: not given) over a config file's values.

    recipe: `config` is the recipe of this name, which then names the experiment. At the budget smoke a recipe keeps
    its tasks, models and configuration, and takes the budget's steps, trials and replicates.
    """
    flags = by_current_names({key: value for key, value in flags.items() if value is not None})
    smoke = recipe is not None and flags.get("budget") == "smoke"
    given = {**_without_replaced(by_current_names(config or {}), flags, smoke=smoke), **flags}
    options = Options(**{key: convert_option(key, value) for key, value in given.items()})
    refuse_duplicates("--plugin", [Path(plugin).name for plugin in options.plugins])  # they become modules
    for plugin in options.plugins:
        module = load_plugin_file(plugin)
        if TASKS.load_plugin(module) + MODELS.load_plugin(module) == 0:
            raise UserError(f"plug-in {plugin} defines no task and no model: subclass Task or Model in it")
    options = check(fill_in(options))
    models, schemes, ranges = asked_models(options)
    for model in models:
        if options.precision not in model.precisions:
            raise UserError(
                f"--precision {options.precision}: model {model.label} computes in {', '.join(model.precisions)} only: "
                "leave out one of them"
            )
        if model.optimizers and options.optimizer not in model.optimizers:
            raise UserError(
                f"--optimizer {options.optimizer}: model {model.label} is trained by {', '.join(model.optimizers)} "
                "only: leave out one of them"
            )
    left_out: dict[str, str] = {}
    if recipe is not None and "tasks" not in flags:
        options, left_out = _installed_tasks(options)
    tasks = asked_tasks(options)
    refuse_duplicates("--tasks", [task.label for task in tasks])
    require_references(options.references, tasks)
    name = flags.get("name") or (recipe_name(recipe, options, flags, config or {}) if recipe else options.name)
    experiment = Experiment(
        name or default_name(options), options, tasks, models, own_schemes=schemes, ranges=ranges, left_out=left_out
    )
    check_entries(experiment.entries)
    _check_sizes(experiment)
    _check_schedule(experiment)
    return replace(experiment, engine="auto") if _has_faster_search(experiment) else experiment


def asked_tasks(options: Options) -> tuple[Task, ...]:
    """The tasks that an experiment is about; that of a user's table comes last."""
    budget_parameters = {name: cls.budgets.get(options.budget, {}) for name, cls in TASKS.entries().items()}
    specs = [Spec.parse(text) for text in options.tasks or ()]
    specs += [Spec("series", _series_parameters(options))] if options.data else []
    return tuple(_create(lambda spec: TASKS.create(spec, **budget_parameters.get(spec.name, {})), specs))


def _installed_tasks(options: Options) -> tuple[Options, dict[str, str]]:
    """A recipe's options without the tasks whose package is not installed, and these with the reason.

    NotInstalledError where no task would be left.
    """
    there, left_out, refused = [], {}, None
    for text in options.tasks or ():
        try:
            asked_tasks(replace(options, tasks=(text,), data=None))
            there.append(text)
        except NotInstalledError as error:
            left_out[text], refused = str(error), refused or error
    if refused is not None and not there:
        raise refused
    return replace(options, tasks=tuple(there)), left_out


def _has_faster_search(experiment: Experiment) -> bool:
    """Whether `--engine auto` changes how trials are trained: a search has several, and some model a faster twin."""
    options = experiment.options
    if options.engine == "exact" or options.trials == 1:
        return False
    device = "cuda" if options.device == "cuda" else "cpu"  # "auto" may come to mean either
    if "dropout" in experiment.searched:
        return False
    entries = [entry for entry in experiment.entries if not entry.ranges]
    if not any(experiment.search_twin(entry.model, device) for entry in entries):
        return False
    choices = [sizes for matching in experiment.matchings for sizes in (matching.hidden_sizes, matching.layers)]
    rates = [experiment.lr_range(task) for task in experiment.tasks]
    several = bool(experiment.searched) or any(
        len(each) > 1 for each in [*choices, *(entry.schemes for entry in entries)]
    )
    return several or any(low < high for low, high in rates)


def _without_replaced(config: Mapping[str, Any], flags: Mapping[str, Any], *, smoke: bool) -> dict[str, Any]:
    """The config's values without those that a flag replaces under another name: `--steps` replaces epochs."""
    dropped = {"steps", "epochs"} if smoke or flags.keys() & {"steps", "epochs"} else set()
    dropped |= {"trials", "replicates"} if smoke else set()
    return {key: value for key, value in config.items() if key not in dropped}


def _variants(experiment: Experiment) -> Iterator[Model]:
    """The models, and each with every single value that is searched of one of its hyper-parameters."""
    for model, ranges in zip(experiment.models, experiment.ranges, strict=True):
        yield model
        for name, values in ranges.items():
            if isinstance(values, Choices):
                yield from (model.with_values({name: value}) for value in values)


def _check_sizes(experiment: Experiment) -> None:
    """Raise UserError where a comparison gives a model a hidden size that it cannot have."""
    asked = {size for m in experiment.matchings if m.kind not in BY_AMOUNT for size in m.hidden_sizes}
    for model in _variants(experiment):
        possible = model.sizes(2 * max(asked)) if asked else ()
        for size in sorted(asked.difference(possible)):
            near = ", ".join(str(one) for one in sorted(possible, key=lambda one: abs(one - size))[:3])
            raise UserError(
                f"model {model.label} can't have hidden size {size}: the nearest that it can have are {near}. "
                "Choose others with --hidden-sizes"
            )


def _check_schedule(experiment: Experiment) -> None:
    """Raise UserError where a training is too short for its schedule."""
    options = experiment.options
    for task in experiment.tasks:
        steps = experiment.steps(task)
        if options.warmup >= steps:
            raise UserError(
                f"--warmup is {options.warmup}, and a training on {task.label} has {steps} steps: expected less than "
                "these; give fewer, or more --steps"
            )
        if options.schedule == "cosine" and steps == 1:
            raise UserError(f"--schedule cosine needs 2 steps, and a training on {task.label} has 1: give more --steps")


def _create(create: Any, specs: list[Spec]) -> list[Any]:
    made = [create(spec) for spec in specs]
    for entry in made:
        check_identity(entry)
    return made


def _series_parameters(options: Options) -> dict[str, Any]:
    given = {"targets" if key == "target" else key: getattr(options, key) for key in keys_deciding("table")}
    return {key: value for key, value in given.items() if value is not None and value is not False}
