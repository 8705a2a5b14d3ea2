"""Every pair of models in one row: test losses, steps to target under censoring, and solve rates.

    results.conclusions.pair_table -> a DataFrame, the `pairs.csv` of `bench report --format csv`

Steps, solve rates and the log-rank test are corrected over all pairs of the experiment, each a family.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.analysis import stats
from bench.analysis.levels import ENOUGH
from bench.analysis.model_pairs import PairComparison
from bench.analysis.recorded import Recorded
from bench.analysis.steps import StepsComparison, StepsOfTask
from bench.seeds import generator

if TYPE_CHECKING:
    import pandas as pd

LOSS = ("n", "loss_ratio", "loss_ratio_low", "loss_ratio_high", "loss_p", "loss_p_adjusted", "effect_size", "equal_p")
FAILED = ("failed_first", "failed_second")
STEPS = (
    *("steps_n", "horizon_steps", "solved_first", "solved_second", "solved_p", "solved_p_adjusted"),
    *("restricted_mean_steps_first", "restricted_mean_steps_second", "steps_ratio", "steps_ratio_low"),
    *("steps_ratio_high", "steps_p", "steps_p_adjusted", "log_rank_p", "log_rank_p_adjusted"),
)
COLUMNS = ("match", "task", "first", "second", *LOSS, *FAILED, *STEPS)


def pair_table(results: Recorded, pairs: Sequence[PairComparison]) -> pd.DataFrame:
    """One row for each pair of models on each task of each comparison (`COLUMNS`).

    Losses: the ratio of geometric mean test losses of `first` over `second` with its 95 % interval over replicates that
    both finished; p counts a failure as the worst result; `equal_p` is of "they differ by the margin or more".
    `failed_…`: replicates on which only that one failed. Steps: `restricted_mean_steps_…` is the mean number of steps
    that a run spends unsolved within `horizon_steps` (a failed one: all of them); `steps_ratio` compares the steps of
    pairs, a run that did not reach the target counted with the budget, with a t interval and the p of
    `StepsComparison`; `solved_p` is McNemar's exact test, `log_rank_p` Mantel's over unpaired runs. All of these are
    missing where neither model ever reached the target; adjusted p-values for fewer than `ENOUGH` pairs.
    """
    import pandas as pd

    steps = {place: StepsOfTask(results, *place) for place in {(pair.match, pair.task) for pair in pairs}}
    rows = []
    for pair in pairs:
        found = steps[pair.match, pair.task].compare(pair.first, pair.second)
        rows.append({**_loss(pair), **_steps(found), "log_rank_p": _log_rank(pair, found)})
    for name in ("steps_p", "solved_p", "log_rank_p"):
        adjusted = stats.benjamini_hochberg([row[name] if row["steps_n"] >= ENOUGH else math.nan for row in rows])
        for row, p in zip(rows, adjusted, strict=True):
            row[f"{name}_adjusted"] = float(p)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _loss(pair: PairComparison) -> dict[str, Any]:
    numbers = (pair.n, pair.effect, pair.low, pair.high, pair.p, pair.p_adjusted, pair.effect_size, pair.within)
    names = {"match": pair.match, "task": pair.task, "first": pair.first, "second": pair.second}
    return {**names, **dict(zip((*LOSS, *FAILED), (*numbers, *pair.failed), strict=True))}


def _steps(found: StepsComparison) -> dict[str, Any]:
    alone = [stats.time_to_target(times, found.horizon) for times in found.times]
    return {
        "steps_n": found.n,
        "horizon_steps": found.horizon,
        "solved_first": found.solved[0],
        "solved_second": found.solved[1],
        "solved_p": found.p_solved,
        "restricted_mean_steps_first": alone[0].restricted_mean,
        "restricted_mean_steps_second": alone[1].restricted_mean,
        "steps_ratio": found.ratio,
        "steps_ratio_low": found.low,
        "steps_ratio_high": found.high,
        "steps_p": found.p,
    }


def _log_rank(pair: PairComparison, found: StepsComparison) -> float:
    if not any(found.solved):
        return math.nan
    rng = generator("report", "steps", pair.match, pair.task, pair.first, pair.second)
    return stats.log_rank(*found.times, found.horizon, rng=rng)
