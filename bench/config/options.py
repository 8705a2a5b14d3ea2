"""What a user can set: one flat namespace, the same in a TOML file and (with dashes) on the command line."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from bench.config.budgets import BUDGETS
from bench.config.contenders import check_schemes
from bench.config.matching import MATCHES
from bench.models.registry import MODELS
from tasks.errors import UserError, unknown
from tasks.registry import TASKS
from tasks.spec import convert, split_specs

SAMPLERS = ("tpe", "random", "grid")
DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("float32", "tf32", "bfloat16")
EXECUTORS = ("local", "inline")
SERIES_OPTIONS = ("data", "target", "features", "time", "window", "horizon", "season", "fill")

LONGEST_NAME = 100  # of an experiment: it names folders


@dataclass(frozen=True)
class Options:
    """Everything a user can set, before names are looked up; None means "decide for me".

    A TOML key is the field's name; a flag is the same with dashes. Lists may be written `a,b` on the command line.
    """

    models: tuple[str, ...] = ("gru", "lstm", "rnn")
    tasks: tuple[str, ...] | None = None
    data: str | None = None
    target: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    time: str | None = None
    window: int | None = None
    horizon: int | None = None
    season: int | None = None
    fill: str | None = None
    budget: str = "quick"
    match: tuple[str, ...] = ("tuned",)
    parameter_budgets: tuple[int, ...] = ()
    sampler: str = "tpe"
    trials: int | None = None
    hidden_sizes: tuple[int, ...] | None = None
    layers: tuple[int, ...] | None = None
    lr_range: tuple[float, ...] | None = None
    seeds: int | None = None
    seed: int = 0
    steps: int | None = None
    epochs: int | None = None
    batch_size: int | Literal["full"] | None = None
    dropout: float = 0.0
    init: tuple[str, ...] = ("default",)
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0
    plateau_patience: int | None = None
    save_models: bool = False
    device: str = "auto"
    precision: str = "float32"
    workers: int | None = None
    cohort: int | None = None
    executor: str = "local"
    timeout: float | None = None
    max_time: float | None = None
    memory: float | None = None
    asynchronous: bool = False
    prune: bool = False
    storage: str | None = None
    name: str | None = None
    results: str = "results"
    reports: str = "reports"
    plugins: tuple[str, ...] = ()


# what an experiment's outcome does not depend on
PLACES = ("workers", "cohort", "executor", "timeout", "max_time", "memory", "storage", "name", "results", "reports")


def convert_option(key: str, value: Any, where: str | None = None) -> Any:
    """A flag's text or a TOML value as the option's type; lists are split at commas outside brackets.

    where: what messages call it; the flag by default.
    """
    where, kind = where or flag(key), _kinds()[key]
    item = next((t for t in (kind, *typing.get_args(kind)) if typing.get_origin(t) is tuple), None)
    if item is None or value is None:
        return convert(value, kind, where)
    if isinstance(value, str):
        value = split_specs(value) if value.strip() else []
    if not isinstance(value, (list, tuple)):
        value = [value]
    kind = typing.get_args(item)[0]
    return tuple(convert(entry.strip() if isinstance(entry, str) else entry, kind, where) for entry in value)


@lru_cache(maxsize=1)
def _kinds() -> dict[str, Any]:
    return typing.get_type_hints(Options)


def flag(key: str) -> str:
    return "--" + key.replace("_", "-")


def fill_in(options: Options) -> Options:
    """Options with the budget's values where nothing was said."""
    if options.budget not in BUDGETS:
        raise unknown("budget", options.budget, BUDGETS)
    budget = BUDGETS[options.budget]
    filled = {
        key: getattr(budget, key)
        for key in ("trials", "seeds", "hidden_sizes", "layers")
        if getattr(options, key) is None
    }
    if options.tasks is None:
        filled["tasks"] = () if options.data else ("sine", "regression", "copy")
    return replace(options, **filled)


_COUNTS = (
    *("trials", "seeds", "steps", "epochs", "batch_size", "workers", "cohort", "hidden_sizes", "layers"),
    *("parameter_budgets", "plateau_patience"),
)


_LARGEST_LIMIT = 10**9  # seconds (30 years) or GiB
# beyond these is a slip of the finger: nothing would ever come of it
_MOST = {"trials": 100_000, "seeds": 10_000, "workers": 1024, "cohort": 1024, "hidden_sizes": 65_536, "layers": 64}


def check(options: Options) -> Options:
    """Raise UserError for values that no experiment can have."""
    if not options.models:
        raise UserError(f"--models is empty: give at least one of {', '.join(MODELS.entries())}")
    if not options.tasks and not options.data:
        raise UserError(f"--tasks is empty: give at least one of {', '.join(TASKS.entries())}, or --data FILE.csv")
    for key in _COUNTS:
        for value in _each(getattr(options, key)):
            if value != "full" and value < 1:
                raise UserError(f"{flag(key)} is {value}: expected at least 1")
            if value != "full" and value > _MOST.get(key, 10**9):
                raise UserError(f"{flag(key)} is {value}: expected at most {_MOST.get(key, 10**9)}")
    if options.steps is not None and options.epochs is not None:
        raise UserError("--steps and --epochs are two ways to say how long a training is: give one of them")
    if options.parameter_budgets and "params" not in options.match:
        raise UserError("--parameter-budgets belongs to --match params: give both, or neither")
    refuse_duplicates("--parameter-budgets", options.parameter_budgets)
    for key in ("hidden_sizes", "layers"):
        refuse_duplicates(flag(key), getattr(options, key))
        if not getattr(options, key):
            raise UserError(f"{flag(key)} is empty: give at least one size")
    for key, valid in {"sampler": SAMPLERS, "device": DEVICES, "precision": PRECISIONS}.items():
        if getattr(options, key) not in valid:
            raise unknown(key, getattr(options, key), valid)
    for match in options.match or ("",):
        if match not in MATCHES:
            raise unknown("match", match, MATCHES)
    refuse_duplicates("--match", options.match)
    check_schemes(options.init)
    if options.lr_range is not None and (
        len(options.lr_range) != 2 or not 0 < options.lr_range[0] <= options.lr_range[1]
    ):
        given = ",".join(f"{rate:g}" for rate in options.lr_range)
        raise UserError(f"--lr-range is {given}: expected LOW,HIGH with 0 < LOW <= HIGH, as in 1e-4,1e-2")
    if not 0 <= options.dropout < 1:
        raise UserError(f"--dropout is {options.dropout}: expected at least 0 and less than 1")
    if options.weight_decay < 0:
        raise UserError(f"--weight-decay is {options.weight_decay}: expected at least 0")
    if options.clip_norm is not None and options.clip_norm <= 0:
        raise UserError(f"--clip-norm is {options.clip_norm}: expected more than 0, or none for no clipping")
    for key in ("timeout", "max_time", "memory"):
        value = getattr(options, key)
        if value is not None and not value > 0:
            unit = "GiB" if key == "memory" else "seconds"
            raise UserError(f"{flag(key)} is {value:g}: expected more than 0 {unit}")
        if value is not None and value > _LARGEST_LIMIT:
            raise UserError(f"{flag(key)} is {value:g}: expected at most {_LARGEST_LIMIT:,}, or leave it out")
    if options.precision == "tf32" and options.device == "cpu":
        raise UserError("--precision tf32 needs a GPU: leave it out, or leave out --device cpu")
    check_executor(options.executor)
    if options.executor == "inline" and (options.timeout or options.memory):
        raise UserError("--executor inline can't end a training from outside: leave out --timeout and --memory")
    if options.asynchronous and options.prune:
        raise UserError("--async and --prune exclude each other: pruning compares the trials of a batch")
    if options.seed < 0:
        raise UserError(f"--seed is {options.seed}: expected at least 0")
    if options.name is not None and (
        not re.fullmatch(r"[\w][\w.+-]*", options.name) or len(options.name) > LONGEST_NAME
    ):
        raise UserError(
            f"--name is '{options.name}': expected up to {LONGEST_NAME} letters, digits, '.', '_', '+' and '-'"
        )
    series = [key for key in SERIES_OPTIONS[1:] if getattr(options, key) is not None]
    if series and not options.data:
        raise UserError(f"{flag(series[0])} belongs to a CSV: give --data FILE.csv as well")
    if options.data and not options.target:
        raise UserError("--data needs --target COLUMN: name the column (or columns, with commas) to predict")
    return options


def check_executor(executor: str) -> None:
    """Raise UserError unless it is local, inline or the address of a Dask scheduler."""
    if executor not in EXECUTORS and not re.fullmatch(r"dask(\+tls)?://[^\s/:]+:\d{1,5}", executor):
        names = ", ".join(EXECUTORS)
        raise UserError(f"unknown executor '{executor}': expected {names}, dask://HOST:PORT or dask+tls://HOST:PORT")


def _each(value: Any) -> Iterable[Any]:
    return () if value is None else value if isinstance(value, tuple) else (value,)


def refuse_duplicates(what: str, values: Iterable[Any]) -> None:
    seen = set()
    for value in values:
        if value in seen:
            raise UserError(f"{what} names '{value}' twice: give each once")
        seen.add(value)
