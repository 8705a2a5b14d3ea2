"""A model's or a reference's results on a task as one row of the summary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.analysis import stats
from bench.analysis.levels import SMALLEST_LOSS
from bench.analysis.shared_data import SharedRows, mean_over
from bench.analysis.timing_conditions import CONDITIONS
from tasks.errors import listed

if TYPE_CHECKING:
    import pandas as pd

CONTRADICTION = 0.05  # a skill that is closer to 0 tells nobody that a model is better or worse than the floor

WHY_THEY_DISAGREE = (
    "Skill is a mean over replicates, in which a single bad one weighs more than in the loss, a geometric mean."
)

Size = tuple[Any, Any, Any]  # hidden size, layers, initialisation


def most_frequent(group: pd.DataFrame) -> tuple[Size, ...]:
    """The sizes that selected trainings have, the one chosen most often first.

    Of sizes chosen as often the one with the lowest mean validation loss is first, which is what is timed
    (`bench.records.selection.most_frequent`). Every table that names "the configuration chosen most often" asks here.
    """
    losses: dict[str, list[float]] = {}
    sizes: dict[str, Size] = {}
    chosen = zip(group["hidden_size"], group["num_layers"], group["init"], strict=True)
    for size, loss in zip(chosen, group["valid_loss"].fillna(math.inf), strict=True):
        sizes.setdefault(str(size), size)
        losses.setdefault(str(size), []).append(loss)
    ordered = sorted(losses, key=lambda name: (-len(losses[name]), sum(losses[name]) / len(losses[name])))
    return tuple(sizes[name] for name in ordered)


def geometric_mean(losses: pd.Series[Any]) -> float:
    """NaN for no values; a loss below `SMALLEST_LOSS` counts as that."""
    return float(np.exp(np.log(losses.clip(lower=SMALLEST_LOSS).to_numpy(float)).mean())) if len(losses) else math.nan


SEARCHED = "searched"  # a column that is there only where a search varied more than sizes, rates and schemes


def _searched(group: pd.DataFrame) -> dict[str, str]:
    """What else was chosen most often; of equally frequent ones the first in order."""
    if SEARCHED not in group or not group[SEARCHED].notna().any():
        return {}
    return {SEARCHED: str(group[SEARCHED].mode().iloc[0])}


def _mean_skill(rows: pd.DataFrame, shared: Mapping[int, SharedRows]) -> stats.Estimate:
    skills = rows["skill"].to_numpy(float)
    if not shared or rows["replicate"].isna().any():
        return stats.mean_interval(skills)
    return mean_over(dict(zip(rows["replicate"].astype(int), skills, strict=True)), shared)


def summarise_model(
    group: pd.DataFrame,
    timings: pd.DataFrame,
    metrics: list[str],
    worst: float,
    has_target: bool,
    shared: Mapping[int, SharedRows],
) -> dict[str, Any]:
    """One row of `summary.csv` from a model's results on a task. worst: what a failed replicate's loss counts as.

    has_target: whether there is something to reach. shared: the data that replicates share.
    """
    last, ok = group.iloc[-1], group[group["status"] == "ok"]
    hidden_size, num_layers, init = most_frequent(group)[0]
    losses = group["test_loss"].where(group["status"] == "ok").fillna(worst)
    skill = _mean_skill(ok, shared)
    times = group["steps_to_target"].where(group["status"] == "ok").to_numpy(float)
    survival = stats.time_to_target(times, float(group["steps"].fillna(0).max()))
    same = timings[(timings[["match", "task", "model"]] == last[["match", "task", "model"]]).all(axis=1)]
    kernel = next((k for k in group["kernel"] if isinstance(k, str)), None)
    timed = same[same["kernel"] == kernel] if (same["kernel"] == kernel).any() else same
    return {
        **{key: last[key] for key in ("match", "task", "model")},
        "kind": "model",
        "hidden_size": hidden_size,
        "num_layers": num_layers,
        "init": init,
        "learning_rate": median(group["learning_rate"]),
        **_searched(group),
        "n": len(ok),
        "n_failed": len(group) - len(ok),
        "skill": skill.value,
        "skill_low": skill.low,
        "skill_high": skill.high,
        "test_loss": geometric_mean(losses) if len(ok) else None,
        "solve_rate": survival.solved / survival.n if has_target else None,
        "steps_to_target_median": survival.median,
        "parameter_count": median(group["parameter_count"]),
        "step_seconds": timed["step_seconds"].iloc[0] if len(timed) else None,
        "has_warnings": timed["has_warnings"].iloc[0] if len(timed) else None,
        "kernel": timed["kernel"].iloc[0] if len(timed) else kernel,
        "sequences_per_second": timed["sequences_per_second"].iloc[0] if len(timed) else None,
        "peak_bytes": group["peak_bytes"].max() if group["peak_bytes"].count() else None,
        **{name: timed[name].iloc[0] for name in CONDITIONS if name in timed and len(timed)},
        **{name: ok[name].mean() for name in metrics if name in ok},
    }


def best_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one task in the order of every ranking: lowest test loss first, models that failed most often last."""
    ranked = rows.assign(failed=rows["n_failed"] > rows["n"])
    return ranked.sort_values(["failed", "test_loss"], kind="stable", na_position="last").drop(columns="failed")


def skill_note(rows: pd.DataFrame) -> str:
    """Of which models in rows of one task skill and loss contradict each other; "" where they agree."""
    floors, models = rows[rows["kind"] == "floor"], rows[rows["kind"] == "model"]
    if floors.empty:
        return ""
    floor = floors.iloc[0]
    is_lower = models["test_loss"] < floor["test_loss"]
    odd = models[(models["skill"].abs() >= CONTRADICTION) & ((models["skill"] > 0) != is_lower)]
    if odd.empty:
        return ""
    return f"{listed(odd['model'])}: skill and loss disagree on whether it beats {floor['model']}."


def median(values: pd.Series[Any]) -> float | None:
    """The median as a value that occurs: the lower of two in the middle; None where nothing was recorded."""
    known = values.dropna().sort_values(kind="stable")
    return None if known.empty else known.iloc[(len(known) - 1) // 2]


def summarise_reference(group: pd.DataFrame, metrics: list[str], shared: Mapping[int, SharedRows]) -> dict[str, Any]:
    """One row of `summary.csv` from a reference's results on a task."""
    skill, last = _mean_skill(group, shared), group.iloc[-1]
    return {
        **{key: last[key] for key in ("match", "task", "model", "kind")},
        "n": len(group),
        "n_failed": 0,
        "skill": skill.value,
        "skill_low": skill.low,
        "skill_high": skill.high,
        "test_loss": geometric_mean(group["test_loss"]),
        **{name: group[name].mean() for name in metrics if name in group},
    }
