"""What a search varies beyond hidden size, layers, learning rate and initial weights.

A model's own hyper-parameters: its class declares a range as the default of a field, or `--search MODEL.FIELD=…` gives
one. Those of every training: `--search weight_decay=…`, likewise dropout, batch_size and clip_norm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bench.models.contract import Model
from bench.models.registry import MODELS
from tasks.entry import parameters
from tasks.errors import UserError, unknown
from tasks.ranges import Choices, Interval, declared_range, parse_range
from tasks.spec import Spec

Ranges = Mapping[str, Choices | Interval]

OWN = "model."  # begins the names of a model's own hyper-parameters in studies and records
MOST = 12  # names that one search may have beyond sizes, layers, learning rate and initial weights
BOUNDS = {
    "weight_decay": (0.0, math.inf),
    "dropout": (0.0, 0.999),
    "batch_size": (1, 10**9),  # as --batch-size
    "clip_norm": (0, math.inf),
}


def asked_ranges(asked: Sequence[str]) -> dict[tuple[str | None, str], Choices | Interval]:
    """`--search`, by model (None: of every training) and name. UserError for a name that cannot be searched."""
    found: dict[tuple[str | None, str], Choices | Interval] = {}
    for text in asked:
        name, equals, values = text.partition("=")
        if not equals:
            raise UserError(f"--search is '{text}': expected NAME=VALUES, as in weight_decay=1e-6..1e-2:log")
        model, dot, field = name.strip().rpartition(".")
        key = (model if dot else None, field)
        if key in found:
            raise UserError(f"--search names {name.strip()} twice: give it once")
        found[key] = parse_range(values, f"--search {name.strip()}")
        if not dot:
            _check_of_training(field, found[key])
    return found


def _check_of_training(name: str, values: Choices | Interval) -> None:
    if name not in BOUNDS:
        raise unknown("name in --search", name, [*BOUNDS, "MODEL.FIELD"])
    low, high = BOUNDS[name]
    ends = (values.low, values.high) if isinstance(values, Interval) else tuple(values)
    whole = name == "batch_size"
    if isinstance(values, Interval) and whole:
        raise UserError("--search batch_size needs values: give batch_size=32,64,128")
    for end in ends:
        number = isinstance(end, int if whole else (int, float)) and not isinstance(end, bool)
        if not number or not low <= end <= high or (name == "clip_norm" and end == 0):
            raise UserError(f"--search {name} has {end}: expected {'whole ' * whole}numbers from {low} to {high}")


def ranges_of(spec: Spec, asked: Mapping[tuple[str | None, str], Choices | Interval]) -> dict[str, Choices | Interval]:
    """What is searched of one model: the ranges that its class declares and those of `--search`, but no field whose
    value the spec gives.

    UserError where `--search` names no field of it, or one that has a value.
    """
    fields = {field.name: field for field in parameters(MODELS.get(spec.name))}
    found = {
        name: values
        for name, field in fields.items()
        if (values := declared_range(field)) is not None and name not in spec.parameters
    }
    for (model, name), values in asked.items():
        if model != spec.name:
            continue
        if name not in fields:
            raise unknown(f"field of model {spec.name} in --search", name, fields)
        if name in spec.parameters:
            raise UserError(f"{spec} gives {name} a value, and --search {spec.name}.{name} a range: leave one out")
        for value in (values.low, values.high) if isinstance(values, Interval) else values:
            MODELS.create(Spec(spec.name, {**spec.parameters, name: value}))  # each must be possible
        found[name] = values
    return found


def refuse_unknown_models(asked: Mapping[tuple[str | None, str], Choices | Interval], models: Sequence[Model]) -> None:
    """Raise UserError where `--search` names a model that the experiment has not."""
    names = {model.name for model in models}
    for model, name in asked:
        if model is not None and model not in names:
            raise unknown(f"model in --search {model}.{name}", model, names)


def refuse_too_many(model: Model, ranges: Ranges, of_training: Ranges) -> None:
    """Raise UserError where more is searched of a model than the start of a search can cover."""
    count = len(ranges) + len(of_training)
    if count > MOST:
        raise UserError(
            f"{count} hyper-parameters of {model.label} are searched beside sizes and learning rate: expected at most "
            f"{MOST}. Give some a value, as in {model.name}[{next(iter(ranges), 'NAME')}=VALUE], or leave them out of "
            "--search"
        )


def of_training(asked: Mapping[tuple[str | None, str], Choices | Interval]) -> dict[str, Any]:
    """What is searched of every training."""
    return {name: values for (model, name), values in asked.items() if model is None}
