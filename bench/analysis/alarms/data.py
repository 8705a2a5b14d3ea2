"""Alarms about the data: test values that the training data do not reach, and too few test rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.analysis.alarms.alarm import Alarm
from bench.analysis.formatting import whole
from bench.analysis.labels import brief
from bench.analysis.recorded import Recorded
from bench.records.schema import Record, label

OUTSIDE = 0.2  # of the test values: fewer are the usual extremes of a new stretch of time
FEWEST_TESTED = 30  # values of a series, or sequences, that all replicates together are tested on


def out_of_range(results: Recorded) -> list[Alarm]:
    """Tasks whose test values lie outside the range of the training values: a net must extrapolate there."""
    found = []
    for task, splits in _splits(results).items():
        shares = [record["outside_range"] for record in splits.values() if record.get("outside_range") is not None]
        if shares and float(np.mean(shares)) >= OUTSIDE:
            text = (
                f"On {brief(task)}, {100 * float(np.mean(shares)):.0f} % of the test values lie outside the range of "
                f"the training values, {_mend(next(iter(splits.values())))}."
            )
            found.append(Alarm(text, task))
    return found


def _mend(record: Record) -> str:
    parameters: Mapping[str, Any] = (record.get("task") or {}).get("parameters") or {}
    if (record.get("task") or {}).get("name") != "series":  # built in: its values are as they are
        return "so this measures how well a trend is extrapolated"
    if parameters.get("transform", "none") in ("none", "log"):
        mend = "give --transform growth, or --transform difference where values may be 0 or below"
    else:
        mend = "the transform that was given does not remove the trend"
    return f"where a net must extrapolate: {mend}"


def few_test_rows(results: Recorded) -> list[Alarm]:
    """Tasks on which all replicates together are tested on a handful of values (of a series), or of sequences."""
    drawn = {
        (label(record["task"]), record["replicate"]): (record.get("hashes") or {}).get("data")
        for record in results.selected_records
    }
    found = []
    for task, splits in _splits(results).items():
        blocks: dict[Any, int] = {}  # what is tested on, counted once where replicates share it
        for replicate, record in splits.items():
            origin = record.get("origin") or {}
            rows = record.get("test_scored") or (record.get("splits") or {}).get("test") or origin.get("test_rows")
            if rows:
                blocks[origin.get("block", drawn.get((task, replicate)) or f"replicate {replicate}")] = rows
        if blocks and (total := sum(blocks.values())) < FEWEST_TESTED:
            origins = max((record.get("origin") or {}).get("blocks") or 0 for record in splits.values())
            found.append(Alarm(f"On {brief(task)}, {_few(total, len(splits), len(blocks), origins)}.", task))
    return found


def _few(total: int, replicates: int, different: int, origins: int) -> str:
    """What so few test values mean. different: replicates with test data of their own; origins: how many a series has
    room for, 0 on other tasks."""
    if not origins and different < replicates:
        same = "the same" if different == 1 else "only"
        which, about = (f"{same} sequence", "it") if total == 1 else (f"{same} {whole(total)} sequences", "these")
        return f"{replicates} replicates are tested on {which}, so results and intervals are about {about} alone"
    mend = "give more --replicates"
    if origins:
        more = different < origins
        mend = f"give --replicates {origins}" if more else "give more rows, or a smaller --window"
    what = "values" if origins else "sequences"
    return f"results rest on {whole(total)} test {what} in all, so that a few unusual ones decide: {mend}"


def _splits(results: Recorded) -> dict[str, dict[int, Record]]:
    """By task and replicate, a record of the data that it was tested on: that of any reference."""
    found: dict[str, dict[int, Record]] = {}
    for record in results.records:
        if record.get("stage") == "reference" and record.get("replicate"):
            found.setdefault(label(record.get("task")), {})[int(record["replicate"])] = record
    return found
