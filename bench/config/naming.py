"""What an experiment is called where nobody says so, and which options make the same experiment larger."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.config.given import fill_in
from bench.config.options import Options, keys_deciding
from bench.config.values import LONGEST_NAME
from bench.records.schema import digest


def extending(options: Options) -> tuple[str, ...]:
    """The options that make the same experiment larger: what is recorded stays part of it.

    With one search for all replicates, only references do: another search chooses another configuration. Brackets of
    pruned trials depend on how many there are.
    """
    if options.tune == "once":
        return ("references",)
    return tuple(key for key in keys_deciding("extent") if not (options.prune and key == "trials"))


def recipe_name(recipe: str, options: Options, flags: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The recipe's own name, or the one that it gives; with flags that change the outcome it gets the budget, or a
    short hash of them. Some of the recipe's own tasks are a part of the same experiment.

    config: the recipe's values.
    """
    name = str(config.get("name") or recipe)
    unchanged = (*keys_deciding("place"), *extending(options))
    if options.tune == "each" and set(options.tasks or ()) <= set(config.get("tasks") or ()):
        unchanged = (*unchanged, "tasks")
    changed = {key: getattr(options, key) for key in flags if key not in unchanged}
    if not changed:
        return name
    budget = f"-{changed.pop('budget')}" if "budget" in changed else ""
    return f"{name}{budget}-{digest(sorted(changed.items()))[:6]}" if changed else f"{name}{budget}"


def default_name(options: Options) -> str:
    """A name that says what was compared; options that change the outcome add a short hash, so names never clash."""
    parts = [Path(options.data).stem] if options.data else []
    parts += [re.sub(r"\W+", "_", model).strip("_") for model in options.models]
    parts.append(options.budget)
    parts += ["once"] if options.tune == "once" else []
    plain = replace(Options(), models=options.models, budget=options.budget, data=options.data, tune=options.tune)
    plain = replace(fill_in(plain), target=options.target)
    changed = {
        key: getattr(options, key)
        for key in keys_deciding("outcome", "plan", "extent", "table")
        if key not in extending(options) and getattr(options, key) != getattr(plain, key)
    }
    name = "-".join(parts)
    if changed or any("[" in model for model in options.models) or options.data or len(name) > LONGEST_NAME:
        hashed = digest([list(options.models), options.data, options.target, sorted(changed.items())])[:6]
        return f"{name[: LONGEST_NAME - 7]}-{hashed}"
    return name
