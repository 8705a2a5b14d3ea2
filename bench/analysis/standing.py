"""Where every model and reference stands on a task: its typical test loss, with an interval over replicates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.analysis.levels import SMALLEST_LOSS
from bench.analysis.recorded import Recorded
from bench.analysis.selected import loss_table, typical_losses
from bench.analysis.shared_data import SharedRows, mean_over


@dataclass(frozen=True)
class Standing:
    """A model or a reference on one task.

    loss: geometric mean over replicates, where one that failed counts as the worst loss on the task; NaN where none
    ended well. low, high: its 95 % t interval, NaN with one replicate. values: losses of the replicates that ended
    well. letters: cells that share one are not known to differ; "" for references, and where there is one cell alone.
    """

    name: str
    kind: Literal["model", "floor", "baseline", "limit"]
    loss: float
    low: float
    high: float
    values: tuple[float, ...]
    failed: int = 0
    letters: str = ""

    @property
    def n(self) -> int:
        """Replicates, failed ones among them."""
        return len(self.values) + self.failed


def standings(results: Recorded, match: str, task: str, letters: Mapping[str, str]) -> tuple[Standing, ...]:
    """The models of a comparison, best first, those that failed most often last; then the references, best first.

    letters: of each model's cell; see `Conclusions.letters`.
    """
    found = _models(results, match, task, letters)
    order = list(typical_losses(results, match, task))
    ranked = sorted(found, key=lambda each: order.index(each.name) if each.name in order else len(order))
    return (*ranked, *sorted(_references(results, match, task), key=lambda each: each.loss))


def _models(results: Recorded, match: str, task: str, letters: Mapping[str, str]) -> list[Standing]:
    table = loss_table(results, match, task)
    known = table.log_loss.to_numpy()
    worst = float(np.nanmax(known)) if np.isfinite(known).any() else math.nan
    shared, found = results.shared_rows.get(task, {}), []
    for model in table.log_loss.columns:
        own = table.log_loss[model][table.trained[model]]
        ended = own[np.isfinite(own)]
        counted = own.fillna(worst) if len(ended) else own
        value, low, high = _interval(
            dict(zip(map(int, counted.index.to_numpy()), map(float, counted.to_numpy()), strict=True)), shared
        )
        losses = tuple(float(loss) for loss in 10**ended)
        found.append(Standing(model, "model", value, low, high, losses, len(own) - len(ended), letters.get(model, "")))
    return found


def _references(results: Recorded, match: str, task: str) -> list[Standing]:
    table = results.references
    table = table[(table["task"] == task) & (table["match"].isna() | (table["match"] == match))]
    shared, found = results.shared_rows.get(task, {}), []
    for name, rows in table[table["test_loss"].notna()].groupby("model", sort=False):
        own = rows.drop_duplicates("replicate", keep="last")
        losses = own["test_loss"].clip(lower=SMALLEST_LOSS)
        logs = {int(r): math.log10(loss) for r, loss in zip(own["replicate"], losses, strict=True)}
        value, low, high = _interval(logs, shared)
        kind = str(own["kind"].iloc[0])
        found.append(Standing(str(name), kind, value, low, high, tuple(map(float, losses))))  # type: ignore[arg-type]
    return found


def _interval(logs: Mapping[int, float], rows: Mapping[int, SharedRows]) -> tuple[float, float, float]:
    """The geometric mean and the bounds of its t interval, for log10 losses by replicate."""
    found = mean_over(logs, rows)
    value, low, high = (float(10.0 ** np.clip(bound, -300, 300)) for bound in (found.value, found.low, found.high))
    return value, low, high
