"""What is reported of a tuned model: the configurations that its replicates chose, and what fewer trials would give."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.analysis import stats
from bench.analysis.formatting import plain
from bench.analysis.levels import SMALLEST_LOSS
from bench.analysis.recorded import Recorded
from bench.analysis.result_rows import stopped_early
from bench.analysis.search_trials import trials
from bench.analysis.selected import selected_rows
from bench.analysis.summary import most_frequent

if TYPE_CHECKING:
    import pandas as pd

EDGE = 0.05  # of a logarithmic range: a learning rate nearer to its end is on the edge


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The configurations of a model's results on a task.

    sizes: (hidden size, layers) with how many replicates chose it, in the order of `summary.most_frequent`. rates,
    parameters: (lowest, median, highest). edges: what lies on the edge of the searched range, each with the way to
    widen it.
    """

    replicates: int
    sizes: tuple[tuple[tuple[int, int], int], ...]
    rates: tuple[float, float, float]
    parameters: tuple[int, int, int]
    edges: tuple[str, ...]


def chosen(results: Recorded, match: str, task: str, model: str) -> Chosen | None:
    """None where a model has no result whose configuration is known, and no trial that ended well.

    While one search for all has no results yet, its best trial stands for them.
    """
    rows = selected_rows(results, match, task)
    rows = rows[rows["model"] == model]
    if rows.empty:
        rows = trials(results, match, task)
        rows = rows[rows["model"] == model].nsmallest(1, "valid_loss")
    rows = rows[rows[["hidden_size", "num_layers", "learning_rate"]].notna().all(axis=1)]
    if rows.empty:
        return None
    sizes = Counter(zip(rows["hidden_size"].astype(int), rows["num_layers"].astype(int), strict=True))
    ordered = dict.fromkeys((int(hidden_size), int(layers)) for hidden_size, layers, _ in most_frequent(rows))
    counts = rows["parameter_count"].dropna()
    return Chosen(
        replicates=len(rows),
        sizes=tuple((size, sizes[size]) for size in ordered),
        rates=_spread(rows["learning_rate"]),
        parameters=tuple(map(int, _spread(counts))) if len(counts) else (0, 0, 0),  # type: ignore[arg-type]
        edges=tuple(edge.text for edge in range_edges(results, match, task, rows) if 2 * edge.times > edge.n),
    )


def _spread(values: pd.Series[Any]) -> tuple[float, float, float]:
    """Lowest, median (the lower of two) and highest."""
    ordered = np.sort(values.to_numpy(float))
    return float(ordered[0]), float(ordered[(len(ordered) - 1) // 2]), float(ordered[-1])


@dataclass(frozen=True)
class RangeEdge:
    """Replicates whose choice lies at one end of what was searched.

    what: which end. text: the same in a few words, and where to go on. times: of n replicates. chance: that
    a choice at random lies there. wider: the flag with a range that goes on beyond this end.
    """

    what: str
    text: str
    times: int
    n: int
    chance: float
    wider: str


def range_edges(results: Recorded, match: str, task: str, rows: pd.DataFrame) -> list[RangeEdge]:
    """The ends of the searched ranges that choices lie at; nothing is below one unit or one layer.

    rows: selected trainings of a model. Only the comparison "tuned" searches sizes and depths.
    """
    n, found = len(rows), []
    for key, setting, name in (
        ("hidden_size", "hidden_sizes", "hidden size"),
        ("num_layers", "layers", "number of layers"),
    ):
        options = sorted(set(_numbers(results.settings.get(setting)))) if match == "tuned" else []
        if len(options) < 2:
            continue
        flag, smallest, largest = f"--{setting.replace('_', '-')}", options[0], options[-1]
        ends = [(largest, "largest", "larger", [*options, 2 * largest])]
        ends += [(smallest, "smallest", "smaller", [smallest // 2, *options])] if smallest > 1 else []
        for edge, end, way, wider in ends:
            text = f"{'layers' if key == 'num_layers' else name} {edge}: try {way}"
            what = f"the {end} {name} that was searched ({edge})"
            times = int((rows[key] == edge).sum())
            found.append(RangeEdge(what, text, times, n, 1 / len(options), f"{flag} {','.join(map(str, wider))}"))
    bounds = _numbers((results.manifest.get("lr_ranges") or {}).get(task) or results.settings.get("lr_range"))
    if len(bounds) == 2 and 0 < bounds[0] < bounds[1]:
        low, high = bounds
        places = np.log(rows["learning_rate"].to_numpy(float) / low) / math.log(high / low)
        for beyond, bound, way, widened in (
            (places < EDGE, low, "smaller", (low / 3, high)),
            (places > 1 - EDGE, high, "larger", (low, high * 3)),
        ):
            text = f"learning rate {plain(bound)}: try {way}"
            rates = ",".join(plain(rate, 2) for rate in widened)
            found.append(
                RangeEdge(
                    f"learning rates at the edge {plain(bound)} of the range",
                    text,
                    int(beyond.sum()),
                    n,
                    EDGE,
                    f"--lr-range {rates}",
                )
            )
    return [edge for edge in found if edge.times]


def _numbers(value: Any) -> list[Any]:
    """A list of the manifest that holds numbers alone; anything else, which somebody has put there, is empty."""
    fits = isinstance(value, list) and all(type(entry) in (int, float) for entry in value)
    return value if fits else []


@dataclass(frozen=True, kw_only=True)
class TuningCurve:
    """Test loss after 1, 2, … t trials of a search: geometric mean over replicates with a 95 % t interval, `(t,)`."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    replicates: int


def tuning_curves(results: Recorded, match: str, task: str) -> dict[str, TuningCurve]:
    """For each model the test loss to expect of a search with fewer trials, selected on validation data.

    From the trials of the replicates' own searches; {} where there was one search for all (its trials have no test
    scores), where there was one trial a replicate, and where `--prune` stopped trials early: which of them go on
    depends on all, so a shorter search is not the beginning of a longer one. A replicate none of whose first k trials
    ended well counts as the worst loss of any model on the task.
    """
    table = results.rows("trainings", match, task)
    table = table[table["stage"] == "trial"]
    if stopped_early(table).any():
        return {}
    worst = float(table["test_loss"].where(table["status"] == "ok").max())
    curves = {}
    for model in results.models:
        own = table[table["model"] == model].sort_values("trial", kind="stable")
        own = own.assign(valid_loss=own["valid_loss"].where((own["status"] == "ok") & own["test_loss"].notna()))
        runs = [
            stats.selected_so_far(rows["valid_loss"], rows["test_loss"])
            for _, rows in own.groupby("replicate", sort=True)
        ]
        length = min(map(len, runs), default=0)  # of an experiment that is not complete: what all replicates have
        if length > 1 and math.isfinite(worst):
            losses = np.stack([np.nan_to_num(run[:length], nan=worst) for run in runs])
            curves[model] = _curve(np.log(losses.clip(min=SMALLEST_LOSS)))
    return curves


def _curve(logs: np.ndarray) -> TuningCurve:
    """From `(replicates, trials)` logarithms of losses."""
    means = [stats.mean_interval(column) for column in logs.T]
    value, low, high = (np.exp([getattr(mean, name) for mean in means]) for name in ("value", "low", "high"))
    return TuningCurve(value=value, low=low, high=high, replicates=len(logs))
