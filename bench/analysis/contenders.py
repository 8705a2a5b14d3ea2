"""Who is compared: cells, each with its implementations, and the best predictor without a recurrent net.

Two entries that start from the same weights and compute the same loss with them are one cell implemented twice, as
`gru` and `numpy_gru` are. They are one contender: a verdict is about cells, and a cell cannot beat itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.analysis.levels import SMALLEST_LOSS
from bench.analysis.recorded import Recorded
from bench.records.schema import Record, label
from bench.records.schema import trainings as trainings_of

SAME_FIRST_LOSS = 1e-4  # relative: two implementations of one function differ by rounding, two functions by more


@dataclass(frozen=True)
class Contender:
    """A cell. `name`: the label of its first implementation, whose losses count; `implementations`: all labels."""

    name: str
    implementations: tuple[str, ...]


def contenders(results: Recorded) -> tuple[Contender, ...]:
    """The cells of an experiment in the order of its models."""
    twins = _twins(results)
    found: dict[str, list[str]] = {}
    for model in results.models:
        first = next((name for name in found if (name, model) in twins), model)
        found.setdefault(first, []).append(model)
    return tuple(Contender(name, tuple(labels)) for name, labels in found.items())


def without_recurrence(results: Recorded) -> frozenset[str]:
    """Labels of the models that are nets without recurrence, as a convolution or attention over the window."""
    groups = ((label(r.get("model")), (r.get("model") or {}).get("group")) for r in trainings_of(results.records))
    return frozenset(name for name, group in groups if group == "without recurrence")


def _twins(results: Recorded) -> set[tuple[str, str]]:
    """Pairs of labels that start from the same weights, and have the same first loss wherever they do."""
    starts: dict[tuple[str, Any, str], dict[str, float]] = {}
    for record in trainings_of(results.records):
        weights, loss = (record.get("hashes") or {}).get("weights"), _first_loss(record)
        if weights and not math.isnan(loss):
            place = label(record.get("task")), record.get("replicate"), str(weights)
            starts.setdefault(place, {})[label(record.get("model"))] = loss
    alike: dict[tuple[str, str], bool] = {}
    for losses in starts.values():
        for first, one in losses.items():
            for second, other in losses.items():
                if first != second:
                    same = math.isclose(one, other, rel_tol=SAME_FIRST_LOSS)
                    alike[first, second] = alike.get((first, second), True) and same
    return {pair for pair, same in alike.items() if same}


def _first_loss(record: Record) -> float:
    """The validation loss of the initial weights; NaN where it was not recorded."""
    curve = record.get("curve") or {}
    steps, losses = curve.get("step") or [None], curve.get("valid_loss") or [None]
    return float(losses[0]) if steps[0] == 0 and losses[0] is not None else math.nan


@dataclass(frozen=True)
class BestReference:
    """The best predictor without a recurrent net on a task: log10 test losses by replicate.

    chosen_on: "validation" data, or "test" data where records hold no validation losses of references. tried: how many
    predictors it is the best of.
    """

    name: str
    kind: str
    how: str
    chosen_on: str
    tried: int
    losses: Mapping[int, float]

    @property
    def among(self) -> str:
        """What it is the best of, as it stands after its name."""
        if self.tried == 1:
            return "the only predictor without a net that was tried"
        return f"the best of {self.tried} predictors without a net on {self.chosen_on} data"

    @property
    def typical(self) -> float:
        """log10 of the geometric mean test loss."""
        return float(np.mean(list(self.losses.values())))


def best_reference(results: Recorded, match: str, task: str) -> BestReference | None:
    """The floor or baseline with the lowest geometric mean loss on a task; None where none was recorded.

    A limit (what the noise allows) is no predictor, and takes no part.
    """
    table = results.references
    table = table[(table["task"] == task) & (table["match"].isna() | (table["match"] == match))]
    table = table[table["kind"].isin(("floor", "baseline")) & table["test_loss"].notna()]
    if table.empty:
        return None
    chosen_on = "validation" if table["valid_loss"].notna().all() else "test"
    column = "valid_loss" if chosen_on == "validation" else "test_loss"
    logs = table.assign(
        choice=np.log10(table[column].clip(lower=SMALLEST_LOSS).to_numpy(float)),
        log_loss=np.log10(table["test_loss"].clip(lower=SMALLEST_LOSS).to_numpy(float)),
    )
    name = str(logs.groupby("model", sort=False)["choice"].mean().idxmin())
    own = logs[logs["model"] == name].drop_duplicates("replicate", keep="last")
    how = next((text for text in own["how"] if isinstance(text, str) and text), "").rstrip(".")
    losses = {int(r): float(loss) for r, loss in zip(own["replicate"], own["log_loss"], strict=True)}
    return BestReference(name, str(own["kind"].iloc[0]), how, chosen_on, logs["model"].nunique(), losses)
