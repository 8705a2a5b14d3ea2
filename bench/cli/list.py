"""`bench list`: what there is to choose from. Imports neither torch nor pandas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from bench.records.plain import plain

KINDS = ("tasks", "models", "experiments", "budgets", "recipes")
Row = tuple[str, str]  # a name, and what it is


@click.command("list")
@click.argument("what", metavar="|".join(KINDS))
@click.option("--plugin", "plugins", metavar="FILE.py", multiple=True, help="List what this file defines, too.")
@click.option("--results", metavar="DIR", default="results", show_default=True, help="Where experiments are.")
def list_command(what: str, plugins: tuple[str, ...], results: str) -> int:
    """Show the tasks, models, budgets, recipes or experiments that there are."""
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
    for name, summary in found:
        click.echo(plain(f"{name:<{width}}  {summary}"))
    if not found:
        click.echo(f"no {what} yet", err=True)
    return 0


def _entries(kind: str, plugins: Iterable[str]) -> Iterable[Row]:
    from bench.models.registry import MODELS
    from tasks.registry import TASKS, load_plugin_file

    for plugin in plugins:
        module = load_plugin_file(plugin)
        TASKS.load_plugin(module)
        MODELS.load_plugin(module)
    entries: dict[str, Any] = {**(TASKS.entries() if kind == "tasks" else MODELS.entries())}
    for name, cls in entries.items():
        parameters = ", ".join(
            f.name if f.default is MISSING else f"{f.name}={'none' if f.default is None else f.default}"
            for f in fields(cls)
        )
        yield name, f"{cls.summary}  [{parameters}]" if parameters else cls.summary


def _budgets() -> Iterable[Row]:
    from bench.config.budgets import BUDGETS

    for name, budget in BUDGETS.items():
        hidden, layers = (",".join(map(str, sizes)) for sizes in (budget.hidden_sizes, budget.layers))
        search = f"{budget.trials} trials of hidden {hidden} × layers {layers}"
        yield name, f"{budget.summary}; {search}, then {budget.seeds} seeds"


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
