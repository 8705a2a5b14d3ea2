"""The trainings that results are made of, cut as figures, tables and tests need them.

A failure is the worst result, never a missing one: `loss_table` and `skills` keep it as NaN for those who count
failures themselves, `typical_losses` and `skills_with_failures` put the worst result of the task in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench.analysis.levels import SMALLEST_LOSS
from bench.analysis.recorded import Recorded
from bench.records.schema import label

if TYPE_CHECKING:
    import pandas as pd


class LossTable(NamedTuple):
    """A row a replicate, a column a model: log10 test loss (NaN where the training failed), and whether it was trained
    at all, whatever came of it."""

    log_loss: pd.DataFrame
    trained: pd.DataFrame


def selected_rows(results: Recorded, match: str, task: str) -> pd.DataFrame:
    """One row a model and replicate of one task: see `Recorded.selected`."""
    return results.rows("selected", match, task)


def loss_table(results: Recorded, match: str, task: str) -> LossTable:
    """The test losses of all models on one task."""
    import pandas as pd

    table = selected_rows(results, match, task)
    models = models_in(table, results)
    replicates = sorted(set(table["replicate"].dropna().astype(int)))
    loss = np.full((len(replicates), len(models)), np.nan)
    there = np.zeros(loss.shape, dtype=bool)
    row_of, column_of = ({name: place for place, name in enumerate(names)} for names in (replicates, models))
    known = table[table["replicate"].notna()]
    rows = known["replicate"].astype(int).map(row_of).to_numpy(int)
    columns = known["model"].map(column_of).to_numpy(int)
    ended = known["test_loss"].where(known["status"] == "ok").to_numpy(float)
    loss[rows, columns] = np.log10(np.clip(ended, SMALLEST_LOSS, None))
    there[rows, columns] = True
    index = pd.Index(replicates, name="replicate")
    return LossTable(pd.DataFrame(loss, index, models), pd.DataFrame(there, index, models))


def typical_losses(results: Recorded, match: str, task: str) -> dict[str, float]:
    """The geometric mean test loss of each model that finished at all, over its replicates; best first.

    This is the one estimator by which models are ranked; that of `summary.csv`. A failed replicate counts as the worst
    loss of any model on the task, and models that failed in most of their replicates come after all others.
    """
    loss, there = (table.to_numpy() for table in loss_table(results, match, task))
    if not np.isfinite(loss).any():
        return {}
    failed = there & np.isnan(loss)
    counted = np.where(failed, np.nanmax(loss), np.where(there, loss, 0.0))
    finished = np.isfinite(loss).sum(axis=0)
    means = 10 ** (counted.sum(axis=0) / np.maximum(there.sum(axis=0), 1))
    models = selected_models(results, match, task)
    order = sorted(range(len(models)), key=lambda i: (failed[:, i].sum() > finished[i], means[i]))
    return {models[i]: float(means[i]) for i in order if finished[i]}


def target_of(results: Recorded, task: str) -> dict[str, Any]:
    """What counts as solved on a task: {"metric", "threshold", "direction"}; {} where no record says, and where an
    untrained net is that good already.

    The threshold is that of the first record: of a series every forecast origin has its own (`targets_of`).
    """
    if task in results.without_target:
        return {}
    return dict(results.targets.get(task, {}))


def targets_of(results: Recorded, task: str) -> tuple[float, float] | None:
    """The lowest and the highest threshold of a task's target over its replicates; None where it has no target."""
    if not target_of(results, task):
        return None
    for records in (results.selected_records, results.records):
        targets = (record["target"] for record in records if record.get("target") and label(record.get("task")) == task)
        thresholds = [float(found["threshold"]) for found in targets if found.get("threshold") is not None]
        if thresholds:
            return min(thresholds), max(thresholds)
    return None


def skills(results: Recorded, match: str, model: str, tasks: list[str]) -> list[np.ndarray]:
    """For each task the skills of a model's replicates; a training that failed is NaN."""
    found = []
    for task in tasks:
        table = selected_rows(results, match, task)
        own = table[table["model"] == model]
        found.append(own["skill"].where(own["status"] == "ok").to_numpy(float))
    return found


def skills_with_failures(results: Recorded, match: str, model: str, tasks: list[str]) -> list[np.ndarray]:
    """As `skills`, with a failure as the lowest skill of any model on that task, and at most 0, which is naive."""
    tables = (selected_rows(results, match, task) for task in tasks)
    lowest = [min([0.0, *table[table["status"] == "ok"]["skill"].dropna()]) for table in tables]
    found = skills(results, match, model, tasks)
    return [np.where(np.isnan(own), worst, own) for own, worst in zip(found, lowest, strict=True)]


def tasks_in(results: Recorded, match: str) -> list[str]:
    """The tasks that have results in a comparison."""
    return [task for task in results.tasks if len(selected_rows(results, match, task))]


def models_in(table: pd.DataFrame, results: Recorded) -> list[str]:
    """The models that a table has rows of, in their order."""
    found = set(table["model"])
    return [model for model in results.models if model in found]


def selected_models(results: Recorded, match: str, task: str) -> list[str]:
    """The models that have results on a task."""
    return models_in(selected_rows(results, match, task), results)
