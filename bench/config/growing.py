"""An experiment that is asked for in the folder of a recorded one: whether it extends that one, or how it differs.

More replicates and more trials are part of no identity. More models and more tasks are: the recorded experiment is
found again by asking for the recorded ones alone.

Models are compared with each other, so what new ones lack is made up for on every task of the run. Tasks stand for
themselves: a run works on those that it is asked for, and leaves the others of its folder as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from bench.config.experiment import Experiment
from bench.config.given import by_current_names
from bench.config.naming import extending
from bench.config.options import OPTIONS, Options, flag, keys_deciding
from bench.config.resolve import asked_models, asked_tasks
from bench.models.registry import MODELS
from tasks.errors import NotInstalledError, UserError
from tasks.registry import TASKS, load_plugin_file
from tasks.transform import RELATIVE

SHOWN = 2  # differences that a message names


@dataclass(frozen=True)
class Grown:
    """An experiment with the models and tasks of the recorded one before its own, and the identity that one had.

    left_alone: tasks that were not asked for now, with the replicates that are planned of each.
    """

    experiment: Experiment
    recorded_identity: str
    left_alone: Mapping[str, int] = field(default_factory=dict)


def grown(experiment: Experiment, manifest: Mapping[str, Any]) -> Grown | None:
    """The experiment as it is to be, where it differs from the recorded one in its models and tasks alone; else None.

    manifest: the content of the recorded `experiment.json`. NotInstalledError where a recorded task can't be made here.
    """
    settings, identity = _settings(manifest), manifest.get("identity")
    models, plugins = settings.get("models"), settings.get("plugins") or []
    # one search for all replicates is the one of a whole experiment: its tasks do not grow
    tasks = settings.get("tasks") if experiment.options.tune == "each" else None
    if not models or not identity:
        return None
    if experiment.options.engine != "exact":  # it goes on with the engine that it began with
        experiment = replace(experiment, engine="auto" if settings.get("engine") == "auto" else "exact")
    given = {Path(path).name: path for path in experiment.options.plugins}
    plugins = [given.get(Path(path).name, path) for path in plugins]  # as they are now
    try:
        before = _with(experiment, models, plugins, experiment.options.tasks if tasks is None else tasks)
        if identity not in (before.identity(), before.identity(saved_models=True)):
            return None
        more = [path for path in experiment.options.plugins if path not in plugins]
        there = {(model.label, scheme) for model, scheme in zip(before.models, before.own_schemes, strict=True)}
        asked = zip(experiment.options.models, experiment.models, experiment.own_schemes, strict=True)
        added = [text for text, model, scheme in asked if (model.label, scheme) not in there]
        recorded = {task.label for task in before.tasks}
        named = zip(experiment.options.tasks or (), experiment.tasks, strict=False)  # that of a table has no name
        new = [text for text, task in named if task.label not in recorded]
        whole = _with(before, [*models, *added], [*plugins, *more], [*(before.options.tasks or ()), *new])
        wanted, planned = {task.label for task in experiment.tasks}, int(settings.get("replicates") or 1)
        left_alone = {task.label: planned for task in whole.tasks if task.label not in wanted}
        return Grown(whole, identity, left_alone)
    except NotInstalledError as error:
        raise UserError(
            f"{experiment.results_folder} can't be extended here, since it has a task that can't be made: {error}"
        ) from error
    except UserError:  # a plug-in of the recorded experiment is gone, or a model is no longer known
        return None


def inputs(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """The files that the experiment is made of, by name, with their SHA-256 and, of a table, its rows."""
    found: dict[str, dict[str, Any]] = {}
    for task in experiment.tasks:
        series: Any = getattr(task, "series", task)  # a real series holds the `series` task on its file
        if hasattr(series, "prepared"):
            prepared = series.prepared
            lost = int(series.transform in RELATIVE)  # a first row that has no change
            rows = len(prepared.values) + lost - prepared.added
            found[Path(series.data).name] = {"sha256": prepared.sha256, "rows": rows}
    for plugin in experiment.options.plugins:
        found[Path(plugin).name] = {"sha256": hashlib.sha256(Path(plugin).read_bytes()).hexdigest()}
    return found


def difference(experiment: Experiment, manifest: Mapping[str, Any]) -> str | None:
    """Why the experiment is not the recorded one, in a sentence without its end; None where that is not known."""
    folder, recorded = experiment.results_folder, manifest.get("inputs") or {}
    for name, now in inputs(experiment).items():
        then = recorded.get(name) or now
        if then["sha256"] != now["sha256"]:
            rows = f" ({then['rows']} → {now['rows']} rows)" if then.get("rows") != now.get("rows") else ""
            return f"{name} has changed since {folder} was made{rows}"
    settings, asked = _settings(manifest), experiment.settings()
    if not settings:
        return None
    own = {*extending(experiment.options), "models", "plugins"}
    own |= {"tasks"} if experiment.options.tune == "each" else set()
    differing = [
        f"{flag(key)} {_shown(settings[key])} (now {_shown(asked[key])})"
        for key in keys_deciding("outcome", "plan", "extent", "table")
        if key not in own and key in settings and settings[key] != asked[key]
    ]
    if not differing:
        same = all(settings.get(key) == asked.get(key) for key in ("models", "tasks"))
        why = "another version of bench or of a package, in which a task, a model or the search was another"
        return f"{folder} was made by {why}" if same else None
    more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    return f"{folder} was made with {', '.join(differing[:SHOWN])}{more}"


def _settings(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The recorded options under today's names; {} where one of them is not known."""
    try:
        settings = by_current_names(manifest.get("experiment") or {})
    except UserError:
        return {}
    known = {f.name for f in fields(Options)}
    return {key: value for key, value in settings.items() if key in known & OPTIONS.keys()}


def _with(
    experiment: Experiment, models: Sequence[str], plugins: Sequence[str], tasks: Sequence[str] | None
) -> Experiment:
    for path in plugins:
        module = load_plugin_file(path)
        TASKS.load_plugin(module)
        MODELS.load_plugin(module)
    options = replace(
        experiment.options, models=tuple(models), plugins=tuple(plugins), tasks=None if tasks is None else tuple(tasks)
    )
    of_options, schemes, ranges = asked_models(options)
    experiment = replace(experiment, options=options, tasks=asked_tasks(options))
    return replace(experiment, models=of_options, own_schemes=schemes, ranges=ranges)


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
