"""Values that one option alone refuses, where bounds and choices do not say it. Each raises UserError."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.errors import UserError

LONGEST_NAME = 100  # of an experiment: it names folders
EXECUTORS = ("local", "inline")


def check_models(models: Sequence[str]) -> None:
    """At least one; which there are is looked up later, with their parameters."""
    if not models:
        from bench.models.registry import MODELS

        raise UserError(f"--models is empty: give at least one of {', '.join(MODELS.entries())}")


def check_initialisation(schemes: Sequence[str]) -> None:
    """Schemes to compare (A,B) or to search (A+B)."""
    from bench.config.contenders import check_schemes  # with the models, which need NumPy

    check_schemes(schemes)


def check_learning_rates(rates: Sequence[float]) -> None:
    """The two ends of a range."""
    if len(rates) != 2 or not 0 < rates[0] <= rates[1]:
        given = ",".join(f"{rate:g}" for rate in rates)
        raise UserError(f"--lr-range is {given}: expected LOW,HIGH with 0 < LOW <= HIGH, as in 1e-4,1e-2")


def check_search(asked: Sequence[str]) -> None:
    """Ranges of hyper-parameters; which fields a model has is looked up later."""
    from bench.config.searched import asked_ranges

    asked_ranges(asked)


def check_executor(executor: str) -> None:
    """`local`, `inline` or the address of a Dask scheduler."""
    if executor not in EXECUTORS and not re.fullmatch(r"dask(\+tls)?://[^\s/:]+:\d{1,5}", executor):
        names = ", ".join(EXECUTORS)
        raise UserError(f"unknown executor '{executor}': expected {names}, dask://HOST:PORT or dask+tls://HOST:PORT")


def check_name(name: str) -> None:
    """What can be a folder's name on every system."""
    if not re.fullmatch(r"[\w][\w.+-]*", name) or len(name) > LONGEST_NAME:
        raise UserError(f"--name is '{name}': expected up to {LONGEST_NAME} letters, digits, '.', '_', '+' and '-'")
