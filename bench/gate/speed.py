"""`--gate-time`: is a training step as fast as that of another commit? Timed in turn on one machine, and only that."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from bench.analysis.stats import holm
from bench.gate.baseline import Baseline
from bench.gate.check import describe
from bench.gate.comparison import Comparison
from bench.gate.outcome import CellOutcome, Outcome
from bench.gate.replicates import CellName
from bench.gate.rule import ALPHA, ROUNDS, TIME_MARGIN
from bench.gate.statistics import paired_shift


class Times(NamedTuple):
    """Seconds of a training step in each round; entries of one index are neighbours in time."""

    before: list[float]
    now: list[float]


class Stopwatch(Protocol):
    """What times the training steps of both codes."""

    @property
    def commit(self) -> str:
        """The other code."""
        ...

    def time(self, cells: Sequence[CellName], rounds: int) -> Mapping[CellName, Times]:
        """Time these cells in both codes, each in processes that are started for it."""
        ...


def check_speed(
    baseline: Baseline,
    stopwatch: Stopwatch,
    *,
    only: Iterable[CellName] | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """A cell fails where the mean log ratio is above the margin in both looks, Holm over all cells (cf. `check`).

    The second look is in new processes: where a process lies in memory can cost some percent for all of its life.
    """
    wanted = [name for name in baseline.cells if only is None or name in set(only)]
    skipped = {name: e.reason for name in wanted if (e := baseline.exceptions.get(name)) is not None and e.skip}
    first = _look(stopwatch, [name for name in wanted if name not in skipped])
    slower, faster = _adjusted(first, "p_worse"), _adjusted(first, "p_better")
    suspects = [name for name in first if slower[name] < ALPHA]
    if suspects:
        note(f"{len(suspects)} cells look slower: timing them again in new processes to confirm")
    second = _look(stopwatch, suspects)
    confirmed = _adjusted(second, "p_worse")

    def outcome(name: CellName) -> CellOutcome:
        if name in skipped:
            return CellOutcome(name, "skipped", skipped[name])
        found, again = first[name], second.get(name)
        why = describe(found)
        if again is None:
            return CellOutcome(name, "better" if faster[name] < ALPHA else "as good", why, found, slower[name])
        if confirmed[name] < ALPHA:
            return CellOutcome(name, "regressed", f"{why}; confirmed: {describe(again)}", found, slower[name], again)
        why = f"{why}, which new processes did not confirm: {describe(again)}"
        return CellOutcome(name, "as good", why, found, slower[name], again)

    notes = ("only the time of a training step was compared, not convergence",)
    cells = tuple(map(outcome, wanted))
    return Outcome(f"commit {stopwatch.commit}", "this code", cells, notes, subject="step time")


def _look(stopwatch: Stopwatch, cells: Sequence[CellName]) -> dict[CellName, Comparison]:
    if not cells:
        return {}
    return {name: compare_times(times) for name, times in stopwatch.time(cells, ROUNDS).items()}


def compare_times(times: Times) -> Comparison:
    """The paired comparison of log2 of the times, by rounds."""
    before, now = (np.log2(np.asarray(side, dtype=np.float64)) for side in times)
    shift = paired_shift(now - before, math.log2(TIME_MARGIN))
    mean_before, mean_now = (float(2 ** side.mean()) for side in (before, now))
    return Comparison("paired", "time", shift, len(now), mean_before, mean_now, 0, 0, 0)


def _adjusted(found: Mapping[CellName, Comparison], p: str) -> dict[CellName, float]:
    values = holm([getattr(comparison.shift, p) for comparison in found.values()])
    return dict(zip(found, map(float, values), strict=True))
