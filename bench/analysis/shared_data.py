"""Replicates that share data: forecast origins of one series, and one set of data that is dealt anew.

Their results are correlated, so an interval over them is wider than one over independent replicates (`stats.folds`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from bench.analysis import stats
from bench.records.schema import Record, label


class SharedRows(NamedTuple):
    """What a replicate is tested on: the number of its block, the same for replicates with the same test data, and the
    rows (or sequences) on both sides."""

    block: int
    train_rows: int
    test_rows: int


def shared_rows(records: Iterable[Record]) -> dict[str, dict[int, SharedRows]]:
    """By task and replicate; tasks that draw their data anew are left out."""
    found: dict[str, dict[int, SharedRows]] = {}
    for record in records:
        replicate, origin, splits = record.get("replicate"), record.get("origin"), record.get("splits")
        if origin:
            numbers = [origin.get(name) for name in SharedRows._fields]
        elif record.get("resampled") and splits:
            numbers = [replicate, splits.get("train"), splits.get("test")]
        else:
            continue
        if replicate and None not in numbers and numbers[1] and numbers[2]:
            found.setdefault(str(label(record.get("task"))), {})[int(replicate)] = SharedRows(*map(int, numbers))
    return found


def series_in(records: Iterable[Record]) -> dict[str, int]:
    """The tasks whose replicates are forecast origins, with how many of them the rows allow."""
    origins = ((str(label(record.get("task"))), record["origin"]) for record in records if record.get("origin"))
    return {task: int(origin.get("blocks") or 0) for task, origin in origins}


def mean_over(values: Mapping[int, float], rows: Mapping[int, SharedRows]) -> stats.Estimate:
    """The mean of values by replicate with its 95 % t interval.

    Where the replicates share data, the interval is one of blocks, over whose replicates is averaged first, and it is
    wider. NaN is left out.
    """
    known = {replicate: value for replicate, value in values.items() if np.isfinite(value)}
    plain = stats.mean_interval(list(known.values()))
    if not known or not all(replicate in rows for replicate in known):
        return plain
    blocks: dict[int, list[int]] = {}
    for replicate in known:
        blocks.setdefault(rows[replicate].block, []).append(replicate)
    means = [float(np.mean([known[r] for r in own])) for own in blocks.values()]
    first = [rows[own[0]] for own in blocks.values()]
    found = stats.corrected_paired(means, [each.train_rows for each in first], [each.test_rows for each in first])
    return plain._replace(low=found.low, high=found.high)
