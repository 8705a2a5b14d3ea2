"""Every pair of models in one row: test losses, and steps to target under censoring, each as families of their own.

    pair_table(results) -> a DataFrame, the `pairs.csv` of `bench report --format csv`

Verdicts rest on the test loss alone (`bench.analysis.model_pairs`). Steps to target are tested here as well, with
Holm's correction over all pairs of the experiment for each of the two tests; no verdict uses them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.analysis import stats
from bench.analysis.confirmed import confirmed
from bench.analysis.model_pairs import ENOUGH, Comparison, comparisons
from bench.analysis.results import Results
from bench.seeds import generator

if TYPE_CHECKING:
    import pandas as pd

LOSS = ("n", "loss_ratio", "loss_ratio_low", "loss_ratio_high", "loss_p", "loss_p_holm", "effect_size")
STEPS = (
    *("horizon_steps", "runs_first", "runs_second", "solved_first", "solved_second", "restricted_mean_steps_first"),
    *("restricted_mean_steps_second", "steps_n", "steps_difference", "steps_difference_low", "steps_difference_high"),
    *("steps_p", "steps_p_holm", "log_rank_p", "log_rank_p_holm"),
)
COLUMNS = ("match", "task", "first", "second", *LOSS, *STEPS)


def pair_table(results: Results) -> pd.DataFrame:
    """One row for each pair of models on each task of each comparison (`COLUMNS`).

    Losses: the ratio of geometric mean test losses of `first` over `second` with its 95 % interval, and Hedges'
    effect size of the paired log losses. Steps: `restricted_mean_steps_…` is the mean number of steps that a run
    spends unsolved within `horizon_steps` (a failed one: all of them); their paired difference has a bootstrap
    interval (`stats.restricted_difference`), and `log_rank_p` is Mantel's test over unpaired runs. Both are missing
    where neither model ever got there. Adjusted p-values are missing for fewer than `ENOUGH` pairs of seeds.
    """
    import pandas as pd

    rows = [{**_loss(pair), **_steps(results, pair)} for pair in comparisons(results)]
    for name in ("steps_p", "log_rank_p"):
        adjusted = stats.holm([row[name] if row["steps_n"] >= ENOUGH else math.nan for row in rows])
        for row, p in zip(rows, adjusted, strict=True):
            row[f"{name}_holm"] = float(p)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _loss(pair: Comparison) -> dict[str, Any]:
    numbers = (pair.n, pair.effect, pair.low, pair.high, pair.p, pair.p_holm, pair.effect_size)
    names = {"match": pair.match, "task": pair.task, "first": pair.first, "second": pair.second}
    return {**names, **dict(zip(LOSS, numbers, strict=True))}


def _steps(results: Results, pair: Comparison) -> dict[str, Any]:
    table = confirmed(results, pair.match, pair.task)
    table = table[table["model"].isin((pair.first, pair.second))]
    horizon = float(table["steps"].fillna(0).max())
    times = table.assign(reached=table["steps_to_target"].where(table["status"] == "ok"))
    first, second = _times(times, pair.first), _times(times, pair.second)
    alone = [stats.time_to_target(side.to_numpy(float), horizon) for side in (first, second)]
    shared = first.index.intersection(second.index)
    difference, log_rank = stats.Paired(math.nan, math.nan, math.nan, len(shared), math.nan), math.nan
    if any(each.solved for each in alone):
        rng = generator("report", "steps", *_place(results, pair))
        together = first.loc[shared].to_numpy(float), second.loc[shared].to_numpy(float)
        difference = stats.restricted_difference(together[0], together[1], horizon, rng=rng)
        log_rank = stats.log_rank(first.to_numpy(float), second.to_numpy(float), horizon, rng=rng)
    return {
        "horizon_steps": horizon,
        "runs_first": alone[0].n,
        "runs_second": alone[1].n,
        "solved_first": alone[0].solved,
        "solved_second": alone[1].solved,
        "restricted_mean_steps_first": alone[0].restricted_mean,
        "restricted_mean_steps_second": alone[1].restricted_mean,
        "steps_n": difference.n,
        "steps_difference": difference.value,
        "steps_difference_low": difference.low,
        "steps_difference_high": difference.high,
        "steps_p": difference.p,
        "log_rank_p": log_rank,
    }


def _times(table: pd.DataFrame, model: str) -> pd.Series[Any]:
    """Steps to target of a model by replicate; missing where it never got there or failed."""
    times = table[table["model"] == model].set_index("replicate")["reached"]
    return times[~times.index.duplicated(keep="last")]


def _place(results: Results, pair: Comparison) -> Sequence[int]:
    """Numbers that name a pair, whatever its models are called: the same data give the same interval."""
    models = (results.models.index(model) for model in (pair.first, pair.second))
    return results.matches.index(pair.match), results.tasks.index(pair.task), *models
