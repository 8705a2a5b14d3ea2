"""The whole contract suite on what a plug-in file defines: `bench validate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING
from typing import Any

import numpy as np

from bench.measure.device import check_precision
from bench.models.contract import Model, Problem, Settings
from bench.models.contract_checks import model_checks
from bench.models.registry import MODELS
from bench.models.small_problems import problems
from tasks.checking import Check, Finding, perform, source_of
from tasks.contract import Split, Task
from tasks.contract_checks import task_checks
from tasks.entry import parameters
from tasks.errors import UserError, unknown
from tasks.registry import TASKS, load_plugin_file
from tasks.spec import Spec

SIZES = ((8, 1), (16, 1), (8, 2))  # hidden sizes and layers
RATE = 1e-3
DROPOUT = 0.5


def findings(file: str, wanted: Sequence[str] = (), tasks: Sequence[str] = ()) -> Iterator[tuple[str, Finding]]:
    """What each check found, with what it is about.

    wanted: names, with parameters in brackets; by default all that the file defines, with default parameters.
    tasks: what models are tried on; by default small problems of every kind.
    UserError where the file can't be loaded, or defines nothing of this name.
    """
    module = load_plugin_file(file)
    if TASKS.load_plugin(module) + MODELS.load_plugin(module) == 0:
        raise UserError(f"plug-in {file} defines no task and no model: subclass Task or Model in it")
    own: dict[str, Any] = {
        name: registry
        for registry in (TASKS, MODELS)
        for name, cls in registry.entries().items()
        if cls.__module__ == module.__name__
    }
    for text in wanted or _creatable(own, file):
        spec = Spec.parse(text)
        if spec.name not in own:
            raise unknown(f"entry of {file}", spec.name, own)
        entry = own[spec.name].create(spec)
        where = source_of(entry)
        for subject, checks in suites(entry, [TASKS.create(text) for text in tasks]):
            for finding in perform(checks, where):
                yield subject, finding


def _creatable(own: dict[str, Any], file: str) -> list[str]:
    """The names that need no parameter; UserError where some does."""
    for name, registry in own.items():
        for field in parameters(registry.get(name)):
            if field.default is MISSING and field.default_factory is MISSING:
                raise UserError(f"{name} needs {field.name}: name it, as in validate {file} '{name}[{field.name}=…]'")
    return list(own)


def suites(entry: Task | Model, tasks: Sequence[Task]) -> Iterator[tuple[str, list[Check]]]:
    """The checks of a task, or of a model on these tasks (none: on small problems), with what each suite is about."""
    if isinstance(entry, Task):
        yield f"task {entry.label}", task_checks(entry)
        return
    posed = {task.label: _posed(task) for task in tasks} or {about: make() for about, make in problems().items()}
    for about, (problem, split) in posed.items():
        yield f"model {entry.label}: {about}", model_checks(entry, problem, split, _settings("cpu", "float32"), SIZES)
    problem, split = next(iter(posed.values()))
    for device, precision in _elsewhere(entry):
        checks = model_checks(entry, problem, split, _settings(device, precision), SIZES)
        promised = "a promise of its class's precisions and devices"
        yield f"model {entry.label}: {precision} on {device}, {promised}", checks


def _posed(task: Task) -> tuple[Problem, Split]:
    split = task.generate(np.random.default_rng(0)).train
    return Problem.of(task, split), split


def _settings(device: str, precision: Any) -> Settings:
    return Settings(*SIZES[0], DROPOUT, learning_rate=RATE, device=device, precision=precision)


def _elsewhere(model: Model) -> Iterator[tuple[str, Any]]:
    """The other devices and precisions that the model names and this machine has."""
    if not model.uses_torch:
        return
    import torch

    devices = [device for device in model.devices if device == "cpu" or torch.cuda.is_available()]
    for device in devices:
        for precision in model.precisions:
            try:
                check_precision(precision, device)
            except UserError:
                continue
            if (device, precision) != ("cpu", "float32"):
                yield device, precision
