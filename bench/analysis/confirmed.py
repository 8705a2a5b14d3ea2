"""The trainings that results are made of, cut as figures, tables and tests need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.analysis.results import Results
from bench.records.schema import label

if TYPE_CHECKING:
    import pandas as pd

if TYPE_CHECKING:
    import pandas as pd


RESOLUTION = 1e-30  # losses below it are rounding, and zero has no logarithm


def confirmed(results: Results, match: str, task: str) -> pd.DataFrame:
    table = results.confirmed
    return table[(table["match"] == match) & (table["task"] == task)]


def paired_losses(results: Results, match: str, task: str) -> pd.DataFrame:
    """log10 test loss: a row a replicate, a column a model; NaN where the training failed."""
    table = confirmed(results, match, task)
    loss = table["test_loss"].where(table["status"] == "ok").clip(lower=RESOLUTION)
    wide = table.assign(log_loss=np.log10(loss.to_numpy(float))).pivot_table(
        index="replicate", columns="model", values="log_loss", aggfunc="last", dropna=False, observed=True
    )
    return wide[[model for model in results.models if model in wide.columns]]


def target_of(results: Results, task: str) -> dict[str, Any]:
    """What counts as solved on a task: {"metric", "threshold", "direction"}; {} where no record says."""
    found = (r["target"] for r in results.records if r.get("target") and label(r.get("task")) == task)
    return dict(next(found, {}))


def skills(results: Results, match: str, model: str, tasks: list[str]) -> list[np.ndarray]:
    """For each task the skills of a model's seeds; a training that failed is NaN."""
    table = results.confirmed
    table = table[(table["match"] == match) & (table["model"] == model)]
    scores = table["skill"].where(table["status"] == "ok")
    return [scores[table["task"] == task].to_numpy(float) for task in tasks]


def tasks_in(results: Results, match: str) -> list[str]:
    """The tasks that were confirmed in a comparison."""
    table = results.confirmed
    return [task for task in results.tasks if ((table["match"] == match) & (table["task"] == task)).any()]


def models_in(table: pd.DataFrame, results: Results) -> list[str]:
    """The models that a table has rows of, in their order."""
    return [model for model in results.models if (table["model"] == model).any()]


def confirmed_models(results: Results, match: str, task: str) -> list[str]:
    """The models that were confirmed on a task."""
    return models_in(confirmed(results, match, task), results)
