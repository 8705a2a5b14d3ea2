"""What a time on a GPU depends on: its clock, or that the host's launching was the limit. Of a CPU nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bench.analysis.formatting import is_missing, whole

if TYPE_CHECKING:
    import pandas as pd

CONDITIONS = ("clock_mhz", "host_bound")  # columns that are there only where something was timed on a GPU


def condition(timing: Mapping[Any, Any]) -> str:
    """ "host-bound", else the clock, as "at 1,980 MHz"; "" where neither is known. timing: it may have `CONDITIONS`."""
    host_bound, clock = (timing.get(name) for name in ("host_bound", "clock_mhz"))
    if not is_missing(host_bound) and host_bound:
        return "host-bound"
    return "" if is_missing(clock) else f"at {whole(clock)} MHz"


def kernel_and_condition(row: Mapping[Any, Any]) -> str:
    """The kernel that was timed and under what condition, as "cudnn, host-bound"; "" where no kernel is known."""
    kernel = row.get("kernel")
    return ", ".join(filter(None, ("" if is_missing(kernel) else str(kernel), condition(row))))


def explained(timings: pd.DataFrame) -> str:
    """Two sentences for below a table of times, with a space before them; "" where none was taken on a GPU."""
    if not any(condition(row) for row in timings.to_dict("records")):
        return ""
    return (
        " Beside a time on a GPU stands the clock of its multiprocessors. Host-bound: the host needed as long to "
        "launch the step as the GPU to run it, so launching was the limit and a faster GPU would not shorten it."
    )
