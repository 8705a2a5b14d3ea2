"""`bench list`: the names that other commands take. Imports neither torch nor pandas."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import click

from bench.records.plain import plain

KINDS = ("tasks", "models", "experiments", "budgets", "recipes")
Row = tuple[str, str]  # a name, and what it is
GROUPS = {
    "standard": "GRU, LSTM and plain RNN:",
    "recurrent": "Other recurrent cells:",
    "without recurrence": "Contenders without recurrence:",
}


@click.command("list", short_help="List tasks, models, budgets, recipes or experiments.")
@click.argument("what", metavar="|".join(KINDS))
@click.option("--plugin", "plugins", metavar="FILE.py", multiple=True, help="Also list what this file defines.")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where the experiments are.")
def list_command(what: str, plugins: tuple[str, ...], results: str) -> int:
    """List the tasks, models, budgets, recipes or experiments, each with a summary."""
    from bench.cli.numpy_on_demand import defer_numpy

    defer_numpy()
    rows: dict[str, Callable[[], Iterable[Row]]] = {
        "tasks": lambda: _entries("tasks", plugins),
        "models": lambda: _entries("models", plugins),
        "experiments": lambda: _experiments(Path(results)),
        "budgets": _budgets,
        "recipes": _recipes,
    }
    if what not in rows:
        from tasks.errors import unknown

        raise unknown("list", what, rows)
    found = list(rows[what]())
    width = max((len(name) for name, _ in found), default=0)
    groups = _groups() if what == "models" else {}
    for heading in GROUPS.values() if groups else [""]:
        shown = [row for row in found if groups.get(row[0], "") == heading]
        if heading and shown:
            click.echo(heading)
        for name, summary in shown:
            click.echo(plain(f"{'  ' * bool(heading)}{name:<{width}}  {summary}"))
    if not found:
        click.echo(f"no {what} yet", err=True)
    return 0


def _entries(kind: str, plugins: Iterable[str]) -> Iterable[Row]:
    from bench.models.registry import MODELS
    from tasks.entry import parameters, usual
    from tasks.registry import TASKS, load_plugin_file

    for plugin in plugins:
        module = load_plugin_file(plugin)
        TASKS.load_plugin(module)
        MODELS.load_plugin(module)
    entries: dict[str, Any] = {**(TASKS.entries() if kind == "tasks" else MODELS.entries())}
    for name, cls in entries.items():
        given = ", ".join(
            f.name if f.default is MISSING else f"{f.name}={'none' if f.default is None else usual(f)}"
            for f in parameters(cls)
        )
        yield name, f"{cls.summary}  [{given}]" if given else cls.summary


def _groups() -> dict[str, str]:
    """The heading under which each model stands."""
    from bench.models.registry import MODELS

    return {name: GROUPS[cls.group] for name, cls in MODELS.entries().items()}


def _budgets() -> Iterable[Row]:
    from bench.config.budgets import BUDGETS
    from bench.config.given import DEFAULT_TASKS
    from tasks.registry import TASKS

    cores = os.cpu_count() or 1
    for name, budget in BUDGETS.items():
        hidden, layers = (",".join(map(str, sizes)) for sizes in (budget.hidden_sizes, budget.layers))
        trainings = budget.trials * budget.replicates
        numbers = (
            f"{budget.trials} trials × {budget.replicates} replicates = {trainings:,} trainings of a model on a task "
            f"({trainings + budget.replicates:,} where --engine auto trains each selected trial again), "
            f"hidden {hidden} × layers {layers}"
        )
        steps = sorted({TASKS.get(task).defaults.steps[name] for task in DEFAULT_TASKS})
        length = f"{steps[0]:,}" + (f" to {steps[-1]:,}" if len(steps) > 1 else "")
        about = _duration(budget.core_seconds / cores)
        yield name, f"{budget.summary}; {numbers}, {length} steps; {about}"
    yield "times:", f"estimates for `run --models gru,lstm` with {cores} cores, from processor times on an AMD EPYC"


def _duration(seconds: float) -> str:
    """About how long, in the largest unit of which it is at least two."""
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"about {round(seconds / size)} {unit}"
    return f"about {max(1, round(seconds))} seconds"


def _recipes() -> Iterable[Row]:
    """Each recipe; not those that another one runs in turn (`claims.depth1` is a part of `claims`)."""
    from bench.config.files import recipe_parts, recipes

    found = recipes()
    parts = {part for name in found for part in recipe_parts(name)[1:]}
    return [(name, summary) for name, summary in found.items() if name not in parts]


def _experiments(results: Path) -> Iterable[Row]:
    for path in sorted(results.glob("*/experiment.json")):
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))["experiment"]
            models, budget = ", ".join(settings["models"]), settings["budget"]
            tasks = ", ".join([*settings["tasks"], *([settings["data"]] if settings["data"] else [])])
        except (ValueError, KeyError, TypeError) as error:
            yield path.parent.name, f"{path} cannot be read: {type(error).__name__}: {error}"
            continue
        from bench.records.folder import RECORDS

        records = path.with_name(RECORDS)
        count = records.read_bytes().count(b"\n") if records.exists() else 0
        yield path.parent.name, f"{models} on {tasks}; budget {budget}, {count} records"
