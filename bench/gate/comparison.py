"""Compare how fast a cell converges with the baseline: paired by replicate, or as two samples if they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.gate.baseline import Replicates
from bench.gate.replicates import CellTraining
from bench.gate.rule import NEWLY_MISSED, RARELY_SOLVED, Rule
from bench.gate.statistics import Shift, paired_shift, unpaired_shift

_BASES = {"steps": 2.0, "loss": 10.0, "time": 2.0}  # bases of the logarithms that the tests compare


@dataclass(frozen=True)
class CellComparison:
    """Compare one cell's replicates with the baseline's.

    measure: "steps" compares log2 of steps to target, "loss" the mean log10 validation loss over the budget, "time"
    log2 of the seconds of a training step (`bench.gate.speed`, by rounds instead of replicates).
    before, now: geometric means of steps, loss or seconds. newly_missed: the number of replicates that reached the
    target in the baseline and miss it now (unpaired: how many more miss it than in the baseline).
    """

    pairing: Literal["paired", "unpaired"]
    measure: Literal["steps", "loss", "time"]
    shift: Shift
    n: int
    before: float
    now: float
    missed_before: int
    missed_now: int
    newly_missed: int

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
        return self.measure == "steps" and self.newly_missed >= max(1, math.ceil(self.n * NEWLY_MISSED))


def is_paired(baseline: Replicates, new: Replicates, numbers: Sequence[int]) -> bool:
    """Whether all replicates start from the same initial weights and the same first batch as the baseline's."""
    return all(
        (baseline[number].weights, baseline[number].first_batch) == (new[number].weights, new[number].first_batch)
        for number in numbers
    )


def compare(baseline: Replicates, new: Replicates, numbers: Sequence[int], rule: Rule) -> CellComparison:
    """Compare the replicates `numbers`, which both have.

    If too many of all the baseline's replicates miss the target (`RARELY_SOLVED`), the cell is compared by its loss.
    """
    pairing: Literal["paired", "unpaired"] = "paired" if is_paired(baseline, new, numbers) else "unpaired"
    rarely = sum(replicate.missed for replicate in baseline.values()) > RARELY_SOLVED * len(baseline)
    measure: Literal["steps", "loss"] = "loss" if rarely else "steps"
    pairs = [(new[number], baseline[number]) for number in numbers]
    values = [(_value(after, measure), _value(before, measure)) for after, before in pairs]
    margin = rule.loss_margin if rarely else rule.log2_margin
    if pairing == "paired":
        newly = sum(after.missed and not before.missed for after, before in pairs)
        both = [(a, b) for (a, b), pair in zip(values, pairs, strict=True) if not _is_uninformative(pair, measure)]
        shift = paired_shift([a - b for a, b in both if a is not None and b is not None], margin)
    else:
        newly = max(0, sum(after.missed for after, _ in pairs) - sum(before.missed for _, before in pairs))
        shift = unpaired_shift([a for a, _ in values if a is not None], [b for _, b in values if b is not None], margin)
    missed_before, missed_now = (sum(pair[side].missed for pair in pairs) for side in (1, 0))
    now, before = (_geometric_mean([pair[side] for pair in values], measure) for side in (0, 1))
    return CellComparison(pairing, measure, shift, len(pairs), before, now, missed_before, missed_now, newly)


def _geometric_mean(logarithms: Sequence[float | None], measure: str) -> float:
    known = [value for value in logarithms if value is not None]
    return float(_BASES[measure] ** (math.fsum(known) / len(known))) if known else math.nan


def _value(replicate: CellTraining, measure: str) -> float | None:
    """The value on the test's scale. A missed target counts as reached at the end of the budget: a lower bound."""
    if measure == "loss":
        return replicate.mean_log10_valid_loss
    steps = replicate.steps if replicate.steps_to_target is None else replicate.steps_to_target
    return math.log2(max(steps, 1.0))


def _is_uninformative(pair: tuple[CellTraining, CellTraining], measure: str) -> bool:
    """Whether both replicates missed the target, so that their difference in steps is unknown."""
    return measure == "steps" and all(replicate.missed for replicate in pair)
