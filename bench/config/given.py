"""What a user gave, under whatever name and as text or TOML value, as the values that `Options` declares."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

from bench.config.budgets import BUDGETS
from bench.config.options import FROM_BUDGET, OPTIONS, Options, flag
from tasks.errors import UserError, unknown
from tasks.spec import convert, split_columns, split_specs

DEFAULT_TASKS = ("sine", "regression", "copy")
PLATEAU_PATIENCE = 10  # evaluations, as in torch.optim.lr_scheduler.ReduceLROnPlateau
_ALIASES = {declared.alias: key for key, declared in OPTIONS.items() if declared.alias}
# options of earlier versions: the value at which one changed nothing, and what to do about another value
REMOVED: dict[str, tuple[Any, str]] = {
    "asynchronous": (False, "trials are always asked for in the same order now, so leave it out"),
}


def by_current_names(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options under the names that they have today, where they may be given under older ones.

    UserError for a name that no option has, and for an option that was removed, unless its value changed nothing.
    """
    current: dict[str, Any] = {}
    for key, value in given.items():
        if key in REMOVED:
            harmless, advice = REMOVED[key]
            if value != harmless:
                raise UserError(f"there is no option '{key}' any more: {advice}")
            continue
        name = _ALIASES.get(key, key)
        if name not in OPTIONS:
            raise unknown("option", key, OPTIONS)
        if name in current:
            raise UserError(f"'{OPTIONS[name].alias}' is the former name of '{name}': give one of them")
        current[name] = value
    return current


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600}


def convert_option(key: str, value: Any, where: str | None = None) -> Any:
    """A flag's text or a TOML value as the option's type; lists are split at commas outside brackets.

    where: what messages call it; the flag by default.
    """
    where, kind, is_list = where or flag(key), *_kind(key)
    if value is None:
        return None
    if not is_list:
        return _convert(key, value, kind, where)
    if isinstance(value, str):
        split = split_columns if OPTIONS[key].columns else split_specs
        value = split(value) if value.strip() else []
    if not isinstance(value, (list, tuple)):
        value = [value]
    return tuple(_convert(key, entry.strip() if isinstance(entry, str) else entry, kind, where) for entry in value)


def choices(key: str) -> tuple[str, ...]:
    """The names that the option, or each entry of its list, may have; () where it is no choice among names."""
    kind, _ = _kind(key)
    options = [option for option in _alternatives(kind) if option is not type(None)]
    return typing.get_args(options[0]) if len(options) == 1 and typing.get_origin(options[0]) is Literal else ()


def _convert(key: str, value: Any, kind: Any, where: str) -> Any:
    valid = choices(key)
    if valid and str(value) not in (*valid, "none"):
        raise unknown(key, str(value), valid, means=OPTIONS[key].meant.get(str(value).lower()))
    if OPTIONS[key].unit == "seconds" and (duration := _DURATION.fullmatch(str(value).strip())):
        value = float(duration[1]) * _SECONDS[duration[2]]
    return convert(value, kind, where)


@lru_cache(maxsize=1)
def _types() -> dict[str, Any]:
    return typing.get_type_hints(Options)


def _kind(key: str) -> tuple[Any, bool]:
    """The type of an option, or of the entries of its list, and whether it is a list."""
    for option in _alternatives(_types()[key]):
        if typing.get_origin(option) is tuple:
            return typing.get_args(option)[0], True
    return _types()[key], False


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """The types of a union; of any other type itself."""
    is_union = isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union
    return typing.get_args(kind) if is_union else (kind,)


def fill_in(options: Options) -> Options:
    """Options with the budget's values where nothing was said."""
    budget = BUDGETS[options.budget]
    filled = {key: getattr(budget, key) for key in FROM_BUDGET if getattr(options, key) is None}
    if options.tune == "once" and options.trials is None:
        filled["trials"] = budget.trials_once
    if options.tasks is None:
        filled["tasks"] = () if options.data else DEFAULT_TASKS
    if options.schedule == "constant" and options.plateau_patience is None:  # as where nothing is said
        filled["schedule"] = None
    if options.schedule == "plateau":  # the same experiment as with its patience alone
        filled |= {"schedule": None, "plateau_patience": options.plateau_patience or PLATEAU_PATIENCE}
    return replace(options, **filled)
