"""Compare how fast a cell converges with the baseline: paired by replicate, or as two samples if they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.gate.baseline import Replicates
from bench.gate.replicates import CellTraining
from bench.gate.rule import ALPHA, NEWLY_MISSED, POWER, RARELY_SOLVED, Rule
from bench.gate.slow_down import common_levels, mean_steps
from bench.gate.statistics import Shift, detectable_shift, detectable_unpaired, paired_shift, unpaired_shift

Measure = Literal["slow_down", "steps", "loss", "time"]
_BASES = {"slow_down": 2.0, "steps": 2.0, "loss": 10.0, "time": 2.0}  # of the logarithms that the tests compare


@dataclass(frozen=True)
class CellComparison:
    """Compare one cell's replicates with the baseline's.

    measure: "slow_down" compares log2 of the mean steps to a loss (`bench.gate.slow_down`), "steps" log2 of steps to
    target (baselines without curves), "loss" the mean log10 validation loss over the budget, "time" log2 of the seconds
    of a training step (`bench.gate.speed`, by rounds instead of replicates).
    before, now: geometric means of steps to target, loss or seconds. newly_missed: the number of replicates that
    reached the target in the baseline and miss it now (unpaired: how many more miss it than in the baseline). margin:
    on the test's scale.
    """

    pairing: Literal["paired", "unpaired"]
    measure: Measure
    shift: Shift
    n: int
    before: float
    now: float
    missed_before: int
    missed_now: int
    newly_missed: int
    margin: float

    @property
    def change(self) -> float:
        """New over baseline, as a ratio: of steps to target, or of the loss (a geometric mean)."""
        return self.ratio(self.shift.value)

    def ratio(self, difference: float) -> float:
        """A difference on the test's scale as a ratio."""
        return float(_BASES[self.measure] ** difference)

    @property
    def misses_too_often(self) -> bool:
        """Whether so many replicates newly miss the target that no test is needed. Not applied to a loss."""
        return self.is_of_steps and self.newly_missed >= max(1, math.ceil(self.n * NEWLY_MISSED))

    @property
    def is_of_steps(self) -> bool:
        """Whether `before` and `now` are steps to target."""
        return self.measure in ("slow_down", "steps")

    def detectable(self, n: int, cells: int) -> float:
        """The smallest change, as a ratio, that a check of n replicates fails with probability `POWER`.

        cells: in the check, over which α is divided (the first step of Holm's method). NaN if the spread is unknown.
        """
        if math.isnan(self.shift.error):
            return math.nan
        alpha = ALPHA / max(1, cells)
        if self.pairing == "unpaired":
            return self.ratio(detectable_unpaired(self.shift, self.margin, alpha, POWER))
        spread = self.shift.error * math.sqrt(self.shift.n)
        return self.ratio(detectable_shift(spread, n, self.margin, alpha, POWER))


def is_paired(baseline: Replicates, new: Replicates, numbers: Sequence[int]) -> bool:
    """Whether all replicates start from the same initial weights and the same first batch as the baseline's.

    What differs by rounding alone counts as the same: `bench.gate.start` gives it the baseline's hash.
    """
    return all(
        (baseline[number].weights, baseline[number].first_batch) == (new[number].weights, new[number].first_batch)
        for number in numbers
    )


def compare(baseline: Replicates, new: Replicates, numbers: Sequence[int], rule: Rule) -> CellComparison:
    """Compare the replicates `numbers`, which both have.

    If too many of all the baseline's replicates miss the target (`RARELY_SOLVED`), the cell is compared by its loss.
    """
    pairing: Literal["paired", "unpaired"] = "paired" if is_paired(baseline, new, numbers) else "unpaired"
    measure = measure_of(baseline)
    pairs = [(new[number], baseline[number]) for number in numbers]
    margin = rule.loss_margin if measure == "loss" else rule.log2_margin
    if pairing == "paired":
        newly = sum(after.missed and not before.missed for after, before in pairs)
        differences = [_difference(pair, measure) for pair in pairs]
        shift = paired_shift([difference for difference in differences if difference is not None], margin)
    else:
        newly = max(0, sum(after.missed for after, _ in pairs) - sum(before.missed for _, before in pairs))
        both = _values([training for pair in pairs for training in pair], measure)
        after, before = ([value for value in side if value is not None] for side in (both[::2], both[1::2]))
        shift = unpaired_shift(after, before, margin)
    missed_before, missed_now = (sum(pair[side].missed for pair in pairs) for side in (1, 0))
    known = [pair for pair in pairs if None not in (_value(pair[0], measure), _value(pair[1], measure))]
    compared = known if pairing == "paired" else pairs  # of the same replicates, before and now
    now, then = (_geometric_mean([pair[side] for pair in compared], measure) for side in (0, 1))
    return CellComparison(pairing, measure, shift, len(pairs), then, now, missed_before, missed_now, newly, margin)


def measure_of(baseline: Replicates) -> Measure:
    """What a check compares of a cell with these replicates."""
    if sum(replicate.missed for replicate in baseline.values()) > RARELY_SOLVED * len(baseline):
        return "loss"
    return "slow_down" if any(replicate.curve is not None for replicate in baseline.values()) else "steps"


def _difference(pair: tuple[CellTraining, CellTraining], measure: Measure) -> float | None:
    """New minus baseline on the test's scale; None if the pair says nothing."""
    if measure == "steps" and all(training.missed for training in pair):
        return None  # both took longer than the budget
    after, before = _values(pair, measure)
    return None if after is None or before is None else after - before


def _values(trainings: Sequence[CellTraining], measure: Measure) -> list[float | None]:
    """Values on the test's scale, which can be compared with each other; None if unknown.

    A missed target or level counts as reached at the end of the budget: a lower bound.
    """
    if measure != "slow_down":
        return [_value(training, measure) for training in trainings]
    levels = common_levels([training.curve for training in trainings])
    if levels is None:
        return [None] * len(trainings)
    return [math.log2(mean_steps(training.curve, levels, training.steps)) for training in trainings]


def _geometric_mean(trainings: Sequence[CellTraining], measure: Measure) -> float:
    known = [value for training in trainings if (value := _value(training, measure)) is not None]
    return float(_BASES[measure] ** (math.fsum(known) / len(known))) if known else math.nan


def _value(training: CellTraining, measure: Measure) -> float | None:
    """log10 of the loss, or log2 of the steps to target."""
    if measure == "loss":
        return training.mean_log10_valid_loss
    steps = training.steps if training.steps_to_target is None else training.steps_to_target
    return math.log2(max(steps, 1.0))
