"""Which values of a series were measured, where gaps are filled: what is filled in may be learnt from, never scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tasks.contract import Array
from tasks.errors import UserError, short
from tasks.origins import Origins, find_origins

FEWEST = 3  # measured values of an output in a part that is scored, half of the forecasts that it has at least


def measured_outputs(measured: Array, horizons: tuple[int, ...]) -> Array:
    """`(rows, O)` bool, ordered as the outputs, of `measured` `(rows, targets)`: a row has the outputs of the forecast
    whose furthest horizon it is."""
    places = [(column, horizons[-1] - horizon) for column in range(measured.shape[1]) for horizon in horizons]
    found = np.zeros((len(measured), len(places)), dtype=bool)
    for output, (column, later) in enumerate(places):
        found[later:, output] = measured[: len(measured) - later, column]
    return found


def origins_with_measured(
    path: str, found: Origins, outputs: Array, targets: Sequence[str], when: Callable[[int], str]
) -> Origins:
    """The origins themselves, or without those on which too few values are measured: with blocks of the length that
    leaves the most of them.

    Scattered gaps make blocks fewer and longer, a long outage leaves those out that lie in it. The oldest one that is
    left serves the search. outputs: of `measured_outputs`. when: how a user finds a row. UserError where two blocks and
    the search's do not have enough.
    """
    best, lacks = None, ""
    for blocks in range(found.blocks, 1, -1):
        origins = find_origins(found.rows, found.window, found.horizon, blocks)
        assert origins is not None  # where more blocks fit, fewer do
        lacking = [_lack(origins, block, outputs, targets, when) for block in (None, *range(origins.blocks))]
        lacks = next(filter(None, lacking), "")
        starts = tuple(start for start, lack in zip(origins.starts, lacking, strict=True) if not lack)
        if len(starts) >= (len(best.starts) if best else 3):  # of equally many the longer ones
            best = replace(origins, starts=starts, skipped=len(lacking) - len(starts))
        if not lacks:
            break
    if best is None:
        raise UserError(
            f"{path}: {lacks}, the others are filled in: expected at least {FEWEST}; begin the file after the stretch "
            "without values, or give a longer period with --resample"
        )
    return best


def skipped_note(origins: Origins, when: Callable[[int], str], unit: str) -> str:
    """That blocks were left out, in words. unit: what stands before a row's time or number."""
    last = origins.target_rows(origins.blocks - 1)[2][-1]
    return (
        "blocks at the end of the table with too few measured values to validate or test on are left out, "
        f"{origins.skipped} of {origins.skipped + len(origins.starts)}; the newest one that is left ends at "
        f"{unit}{when(last)}"
    )


def _lack(
    origins: Origins, block: int | None, outputs: Array, targets: Sequence[str], when: Callable[[int], str]
) -> str:
    """In which part of a block too few values were measured, in words; "" where each has enough."""
    for part, rows in zip(("validates", "tests"), origins.target_rows(block)[1:], strict=True):
        counts = outputs[rows.start : rows.stop].sum(axis=0)
        if (fewest := int(counts.min())) < FEWEST:
            name = targets[int(counts.argmin()) * len(targets) // outputs.shape[1]]
            return (
                f"of the {len(rows):,} values of {short(name)} on which a replicate {part} ({when(rows.start)} to "
                f"{when(rows.stop - 1)}) {fewest} {'is' if fewest == 1 else 'are'} in the file"
            )
    return ""
