"""What to know of a time: that the machine was not quiet; on a GPU its clock, or that launching was the limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bench.analysis.formatting import is_missing, whole

if TYPE_CHECKING:
    import pandas as pd

CONDITIONS = ("clock_mhz", "host_bound")  # columns that are there only where something was timed on a GPU


def condition(timing: Mapping[Any, Any]) -> str:
    """ "host-bound", else the clock, as "at 1,980 MHz", and "rough"; "" where nothing is to be said.

    timing: it may have `CONDITIONS` and has_warnings.
    """
    return ", ".join(filter(None, (_on_gpu(timing), "rough" if is_rough(timing) else "")))


def is_rough(timing: Mapping[Any, Any]) -> bool:
    """Whether the machine was not quiet while this was timed."""
    return _is_true(timing.get("has_warnings"))


def _on_gpu(timing: Mapping[Any, Any]) -> str:
    clock = timing.get("clock_mhz")
    if _is_true(timing.get("host_bound")):
        return "host-bound"
    return "" if is_missing(clock) else f"at {whole(clock)} MHz"


def _is_true(value: Any) -> bool:
    return not is_missing(value) and bool(value)


def kernel_and_condition(row: Mapping[Any, Any]) -> str:
    """The kernel that was timed and under what condition, as "cudnn, host-bound"; "" where no kernel is known."""
    kernel = row.get("kernel")
    return ", ".join(filter(None, ("" if is_missing(kernel) else str(kernel), condition(row))))


def explained(timings: pd.DataFrame) -> str:
    """Sentences for below a table of times, with a space before them; "" where nothing is to be said of any."""
    rows = timings.to_dict("records")
    rough = " Rough: the machine was not quiet meanwhile." if any(map(is_rough, rows)) else ""
    if not any(map(_on_gpu, rows)):
        return rough
    return rough + (
        " Beside a time on a GPU stands the clock of its multiprocessors. Host-bound: the host needed as long to "
        "launch the step as the GPU to run it, so launching was the limit and a faster GPU would not shorten it."
    )
