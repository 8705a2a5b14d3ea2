"""The time and the memory that an experiment may take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from bench.config.option import option

_option = partial(option, group="What it may take", decides="place")


@dataclass(frozen=True)
class WhatItMayTake:
    """The options under "What it may take"."""

    timeout: float | None = _option(
        None,
        "TIME",
        "End a training that takes longer: 90 (seconds), 30m or 2h. It is recorded with its curve so far.",
        more_than=0,
        unit="seconds",
    )
    max_time: float | None = _option(
        None,
        "TIME",
        "End the experiment then, likewise, and report what it has; the same command goes on later.",
        more_than=0,
        unit="seconds",
    )
    memory: float | None = _option(
        None,
        "GIB",
        "End a training whose worker holds more. Default: 0.8 of what is free, shared equally, but at least 2.",
        more_than=0,
        unit="GiB",
    )
