"""Models compared in pairs on each task: the ratio of test losses over shared replicates, tested as one family.

For each pair the paired differences of log10 test loss, a t-interval, and Holm's correction over all pairs of the
experiment. Verdicts rest on nothing else, so that the family's error stays at 5 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from bench.analysis import stats
from bench.analysis.confirmed import paired_losses
from bench.analysis.results import Results

if TYPE_CHECKING:
    pass

ENOUGH = 5  # replicates; with fewer a t-interval on losses is not to be trusted
LEVEL = 0.05
NEGLIGIBLE = 1e-3  # two implementations of one cell differ by rounding: certain, and of no interest to anybody


@dataclass(frozen=True)
class Comparison:
    """`first` against `second` on one task. `effect` is the ratio of their test losses with its 95 % interval.

    `effect_size`: Hedges' (`stats.effect_size`) of the paired log losses; below 0 where `first` has the lower ones.
    """

    match: str
    task: str
    first: str
    second: str
    n: int
    effect: float
    low: float
    high: float
    p: float
    p_holm: float
    effect_size: float = math.nan

    @property
    def equal(self) -> bool:
        """Whether the whole interval lies within rounding of no difference; a single pair has no interval."""
        return 1 / (1 + NEGLIGIBLE) <= self.low <= self.high <= 1 + NEGLIGIBLE

    @property
    def settled(self) -> bool:
        """Whether the difference is certain enough, and large enough, to be stated."""
        return self.n >= ENOUGH and self.p_holm < LEVEL and not self.equal

    def seen_from(self, model: str) -> Comparison:
        """The same comparison with `model` first."""
        if model == self.first:
            return self
        flipped = (1 / self.effect, 1 / self.high, 1 / self.low)
        others = (self.p, self.p_holm, -self.effect_size)
        return Comparison(self.match, self.task, self.second, self.first, self.n, *flipped, *others)


def comparisons(results: Results) -> tuple[Comparison, ...]:
    """All pairs of models on all tasks of an experiment, Holm-adjusted as one family."""
    raw: list[tuple[str, str, str, str, float, stats.Paired]] = []
    for match in results.matches:
        for task in results.tasks:
            losses = paired_losses(results, match, task)
            for a, b in combinations(losses.columns, 2):
                sides = losses[a].to_numpy(float), losses[b].to_numpy(float)
                raw.append((match, task, a, b, stats.effect_size(*sides), stats.paired_difference(*sides)))
    adjusted = stats.holm([pair.p if pair.n >= ENOUGH else math.nan for *_, pair in raw])
    found = []
    for (match, task, a, b, size, pair), p in zip(raw, adjusted, strict=True):
        ratios = (10**pair.value, 10**pair.low, 10**pair.high)
        found.append(Comparison(match, task, a, b, pair.n, *ratios, pair.p, float(p), size))
    return tuple(found)
