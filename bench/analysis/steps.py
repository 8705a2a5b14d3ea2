"""Steps to target and solve rates of two models, by pairs of replicates. A run that never got there is censored."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.analysis import stats
from bench.analysis.recorded import Recorded
from bench.analysis.selected import selected_rows


@dataclass(frozen=True, kw_only=True)
class StepsComparison:
    """`first` against `second`. `ratio` of steps to target (geometric mean over pairs) with its 95 % t interval.

    A run that did not reach the target, failed ones included, counts with the budget (`horizon`), as leaving it out
    would favour the model that solves the easy replicates alone; so the ratio is one of steps spent within the budget.
    p: test of the log ratios (`_p`). p_solved: exact paired test of the solve rates. All NaN where neither
    ever reached the target.
    """

    first: str
    second: str
    n: int
    horizon: float
    ratio: float
    low: float
    high: float
    p: float
    solved: tuple[int, int]
    p_solved: float
    times: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def censored(self) -> bool:
        """Whether a run did not reach the target."""
        return min(self.solved) < self.n


class StepsOfTask:
    """The steps to target of all models on one task."""

    def __init__(self, results: Recorded, match: str, task: str) -> None:
        rows = selected_rows(results, match, task)
        reached = rows["steps_to_target"].where(rows["status"] == "ok").to_numpy(float, na_value=math.nan)
        budgets = rows["steps"].to_numpy(float, na_value=0.0)
        self._reached: dict[str, dict[int, float]] = {}  # by model and replicate; NaN: never
        self._horizons: dict[str, float] = {}
        for model, replicate, steps, budget in zip(rows["model"], rows["replicate"], reached, budgets, strict=True):
            self._reached.setdefault(model, {})[replicate] = float(steps)
            self._horizons[model] = max(self._horizons.get(model, 0.0), float(budget))

    def compare(self, first: str, second: str) -> StepsComparison:
        """Two models on the replicates on which both were trained."""
        own, other = (self._reached.get(model, {}) for model in (first, second))
        shared = sorted(own.keys() & other.keys())
        times = [np.array([side[replicate] for replicate in shared]) for side in (own, other)]
        return _compared(first, second, times, max(self._horizons.get(model, 0.0) for model in (first, second)))


def _compared(first: str, second: str, times: list[NDArray[np.float64]], horizon: float) -> StepsComparison:
    """times: of each model, a pair a place; NaN where a run did not reach the target within `horizon`."""
    solved = [~np.isnan(side) for side in times]
    ratio, p_solved = stats.Paired(math.nan, math.nan, math.nan, len(times[0]), math.nan), math.nan
    if any(side.any() for side in solved):
        logs = [np.log(np.clip(np.where(np.isnan(side), horizon, side), 1, None)) for side in times]
        ratio = stats.paired_difference(*logs)
        censored = not (solved[0] & solved[1]).all()
        ratio, p_solved = _tested(logs[0] - logs[1], ratio, censored), stats.paired_rates(*solved)
    return StepsComparison(
        first=first,
        second=second,
        n=len(times[0]),
        horizon=horizon,
        ratio=math.exp(ratio.value),
        low=math.exp(ratio.low),
        high=math.exp(ratio.high),
        p=ratio.p,
        solved=(int(solved[0].sum()), int(solved[1].sum())),
        p_solved=p_solved,
        times=(tuple(times[0].tolist()), tuple(times[1].tolist())),
    )


def _tested(differences: NDArray[np.float64], ratio: stats.Paired, censored: bool) -> stats.Paired:
    """The mean difference of log steps with the p that they are alike: that of the paired t-test, adjusted, as the
    interval, where they are skewed against the leader.

    Where a run is censored, or two pairs differ by the same, p is that of the exact sign-flip test, which
    cannot be below 2 / 2ⁿ.
    """
    if censored or len(np.unique(differences)) < len(differences):
        return ratio._replace(p=stats.sign_flip(differences))
    if not stats.skewed_against(differences):
        return ratio
    adjusted = stats.skew_adjusted(differences)
    return stats.wider(ratio, adjusted)._replace(p=max(ratio.p, adjusted.p))
