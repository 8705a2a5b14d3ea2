"""Two sides of a claim compared replicate by replicate, on each case: a task under one comparison.

Experiments are compared within themselves. A case that several experiments have is averaged over them for each
replicate, so that n is the number of replicates whatever the number of experiments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.analysis.claims.evidence import Row, keep
from bench.analysis.levels import ENOUGH, SMALLEST_LOSS

if TYPE_CHECKING:
    import pandas as pd

CASE = ("match", "task")


@dataclass(frozen=True)
class Measure:
    """A number of a training, and which way is better. A failure has a value too (`Evidence.trainings`)."""

    value: Callable[[Row], float]
    lower_is_better: bool


def log_loss(row: Row) -> float:
    """Natural logarithm of the test loss."""
    return math.log(max(row["loss"], SMALLEST_LOSS))


def _log_restricted_steps(row: Row) -> float:
    steps = row["steps_to_target"]
    return math.log(max(1.0, row["steps"] if math.isnan(steps) else min(steps, row["steps"])))


LOSS = Measure(log_loss, lower_is_better=True)
STEPS = Measure(_log_restricted_steps, lower_is_better=True)  # to target, cut at the budget
SKILL = Measure(lambda row: float(row["skill"]), lower_is_better=False)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Differences `(replicates,)` of one measure, first less second.

    first_failed, second_failed: on how many replicates each side failed. A side with more failures than the other is
    never the better one: `may_be_lower` and `may_be_higher` say which signs can be settled.
    """

    differences: NDArray[np.float64]
    first_failed: int = 0
    second_failed: int = 0
    lower_is_better: bool = True

    @property
    def n(self) -> int:
        return len(self.differences)

    @property
    def may_be_lower(self) -> bool:
        ahead = self.first_failed - self.second_failed
        return ahead <= 0 if self.lower_is_better else ahead >= 0

    @property
    def may_be_higher(self) -> bool:
        ahead = self.second_failed - self.first_failed
        return ahead <= 0 if self.lower_is_better else ahead >= 0

    @property
    def remark(self) -> str:
        """What is to be said of failures; empty where there is none."""
        if not self.first_failed + self.second_failed:
            return ""
        return (
            f"failed: {self.first_failed} against {self.second_failed} of {self.n} replicates, each counted as the "
            "worst result"
        )


def paired(first: pd.DataFrame, second: pd.DataFrame, measure: Measure, unit: Sequence[str]) -> Pairs:
    """The pairs of two tables of trainings: a mean over the units that both have, for each replicate that both have.

    A replicate counts if both sides have it in every unit, so that all means are over the same units. A unit with
    fewer than `ENOUGH` of them (an experiment made for its times, say) is left out where another has enough.
    """
    sides = [_values(table, measure, unit) for table in (first, second)]
    replicates: dict[tuple[Any, ...], set[Any]] = {}
    for key in sides[0].keys() & sides[1].keys():
        replicates.setdefault(key[:-1], set()).add(key[-1])
    units = sorted(u for u, own in replicates.items() if len(own) >= ENOUGH) or sorted(replicates)
    shared = sorted(set.intersection(*(replicates[u] for u in units))) if units else []
    found = [[(sides[0][(*u, r)], sides[1][(*u, r)]) for u in units] for r in shared]
    means = np.array([np.mean([a - b for (a, _), (b, _) in own]) for own in found], dtype=np.float64)
    known = np.isfinite(means)
    failed = [[any(own[i][side][1] for i in range(len(units))) for own in found] for side in (0, 1)]
    counts = [int(np.asarray(side, dtype=bool)[known].sum()) for side in failed]
    return Pairs(means[known], counts[0], counts[1], measure.lower_is_better)


def _values(table: pd.DataFrame, measure: Measure, unit: Sequence[str]) -> dict[tuple[Any, ...], tuple[float, bool]]:
    return {
        (*(row[name] for name in unit), row["replicate"]): (measure.value(row), bool(row["failed"]))
        for row in table.to_dict("records")
    }


def cases(
    first: pd.DataFrame, second: pd.DataFrame, measure: Measure, unit: Sequence[str] = ("experiment",)
) -> dict[str, Pairs]:
    """The pairs of each case that both sides have, by its name. Cases with fewer than `ENOUGH` replicates are left out
    where another has enough."""
    both = sorted(_cases(first) & _cases(second))
    several = {match for match, _ in both}
    found = {}
    for match, task in both:
        name = task if len(several) == 1 else f"{task} ({match})"
        found[name] = paired(_only(first, match, task), _only(second, match, task), measure, unit)
    return usable(found)


def usable(found: Mapping[str, Pairs]) -> dict[str, Pairs]:
    """The cases with `ENOUGH` replicates; all that have any where none has enough."""
    enough = {name: pairs for name, pairs in found.items() if pairs.n >= ENOUGH}
    return enough or {name: pairs for name, pairs in found.items() if pairs.n}


def _cases(table: pd.DataFrame) -> set[tuple[Any, ...]]:
    return set(table[list(CASE)].itertuples(index=False, name=None))


def _only(table: pd.DataFrame, match: str, task: str) -> pd.DataFrame:
    return keep(table, (table["match"] == match) & (table["task"] == task))
