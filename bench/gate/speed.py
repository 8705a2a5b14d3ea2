"""`--gate-time`: compare the time of a training step with another commit's, alternating on one machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from bench.analysis.formatting import counted
from bench.analysis.stats import holm
from bench.gate.baseline import Baseline
from bench.gate.comparison import CellComparison
from bench.gate.describe import describe
from bench.gate.outcome import CellOutcome, CheckOutcome
from bench.gate.replicates import CellName
from bench.gate.rule import ALPHA, ROUNDS, TIME_MARGIN
from bench.gate.statistics import paired_shift


class Times(NamedTuple):
    """Seconds of a training step in each round; entries with the same index were timed one after the other."""

    before: list[float]
    now: list[float]


class Stopwatch(Protocol):
    """Times the training steps of two versions of the code."""

    @property
    def commit(self) -> str:
        """The commit of the other version."""
        ...

    def time(self, cells: Sequence[CellName], rounds: int) -> Mapping[CellName, Times]:
        """Time these cells in both versions, in processes started for this call."""
        ...


def check_speed(
    baseline: Baseline,
    stopwatch: Stopwatch,
    *,
    only: Iterable[CellName] | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> CheckOutcome:
    """Compare step times. A cell fails if its mean log ratio exceeds the margin twice (Holm over all cells).

    The second timing uses new processes, because the memory layout of a process can slow all of its steps by some
    percent.
    """
    wanted = [name for name in baseline.cells if only is None or name in set(only)]
    skipped = {name: e.reason for name in wanted if (e := baseline.exceptions.get(name)) is not None and e.skip}
    first = _time(stopwatch, [name for name in wanted if name not in skipped])
    slower, faster = _adjusted(first, "p_worse"), _adjusted(first, "p_better")
    suspects = [name for name in first if slower[name] < ALPHA]
    if suspects:
        note(f"timing again in new processes what looks slower: {counted(len(suspects), 'cell')}")
    second = _time(stopwatch, suspects)
    confirmed = _adjusted(second, "p_worse")

    def outcome(name: CellName) -> CellOutcome:
        if name in skipped:
            return CellOutcome(name, "skipped", skipped[name])
        found, again = first[name], second.get(name)
        why = describe(found)
        if again is None:
            return CellOutcome(name, "better" if faster[name] < ALPHA else "as_good", why, found, slower[name])
        if confirmed[name] < ALPHA:
            return CellOutcome(name, "regressed", f"{why}; confirmed: {describe(again)}", found, slower[name], again)
        why = f"{why}, which new processes did not confirm: {describe(again)}"
        return CellOutcome(name, "as_good", why, found, slower[name], again)

    notes = ("only the time of a training step was compared, not convergence",)
    cells = tuple(map(outcome, wanted))
    return CheckOutcome(f"commit {stopwatch.commit}", "this code", cells, notes, subject="step_time")


def _time(stopwatch: Stopwatch, cells: Sequence[CellName]) -> dict[CellName, CellComparison]:
    if not cells:
        return {}
    return {name: compare_times(times) for name, times in stopwatch.time(cells, ROUNDS).items()}


def compare_times(times: Times) -> CellComparison:
    """Compare log2 of the step times, paired by round."""
    before, now = (np.log2(np.asarray(side, dtype=np.float64)) for side in times)
    margin = math.log2(TIME_MARGIN)
    shift = paired_shift(now - before, margin)
    mean_before, mean_now = (float(2 ** side.mean()) for side in (before, now))
    return CellComparison("paired", "time", shift, len(now), mean_before, mean_now, 0, 0, 0, margin)


def _adjusted(found: Mapping[CellName, CellComparison], p: str) -> dict[CellName, float]:
    values = holm([getattr(comparison.shift, p) for comparison in found.values()])
    return dict(zip(found, map(float, values), strict=True))
