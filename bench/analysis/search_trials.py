"""The trials of a search: which settings were varied, and how much of the outcome each explains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.analysis.recorded import Recorded
from bench.analysis.result_rows import stopped_early

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = {"learning_rate": "learning rate", "hidden_size": "hidden size", "num_layers": "layers", "init": "init"}
ENOUGH_TRIALS = 8  # fewer explain nothing


def trials(results: Recorded, match: str, task: str) -> pd.DataFrame:
    """The trials on a task that ended well: of one search, or of all replicates' own.

    Those that `--prune` stopped early are left out: losses after fewer steps cannot be compared with the others'.
    """
    table = results.rows("trainings", match, task)
    table = table[table["stage"].isin(("trial", "search")) & ~stopped_early(table)]
    return table[table["valid_loss"].notna() & (table["status"] == "ok")]


def configurations(table: pd.DataFrame) -> pd.DataFrame:
    """Of each trial its longest training: several where a search trains the better trials again for more steps.

    table: trainings; those outside of searches stay as they are.
    """
    return _of_each_trial(table, "last")


def first_trainings(table: pd.DataFrame) -> pd.DataFrame:
    """Of each trial its shortest training: what all trials of a pruned search have. table: as in `configurations`."""
    return _of_each_trial(table, "first")


def _of_each_trial(table: pd.DataFrame, which: Literal["first", "last"]) -> pd.DataFrame:
    if not stopped_early(table).any():
        return table
    ordered = table.sort_values("steps", kind="stable")
    trial = ["match", "stage", "task", "model", "replicate", "trial"]
    return ordered.drop_duplicates(trial, keep=which).sort_index()


def varied(table: pd.DataFrame) -> list[str]:
    """The settings that a search tried in more than one value."""
    return [setting for setting in SETTINGS if table[setting].dropna().nunique() > 1]


def importance(table: pd.DataFrame) -> dict[str, float]:
    """How much of the spread of a model's trials each setting explains by itself, from 0 to 1.

    table: the trials of one model on one task. The adjusted R² of a regression of the ranks of validation loss on the
    setting alone: a parabola in the logarithm of the learning rate, a mean for each value of the others. Ranks, so that
    a trial that went wild counts once. {} with fewer than 8 trials.
    """
    found: dict[str, float] = {}
    n = len(table)
    if n < ENOUGH_TRIALS:
        return found
    ranks = table["valid_loss"].rank().to_numpy(float)
    total = float(((ranks - ranks.mean()) ** 2).sum())
    for setting in varied(table):
        if setting == "learning_rate":
            x = np.log(table[setting].to_numpy(float))
            design = np.vander((x - x.mean()) / (x.std() or 1), 3)
        else:
            values = table[setting].astype(str).to_numpy()
            design = np.stack([values == value for value in np.unique(values)], axis=1).astype(float)
        k = design.shape[1]
        if n <= k or total == 0:
            continue
        fitted = design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
        explained = 1 - float(((ranks - fitted) ** 2).sum()) / total
        found[setting] = max(0.0, 1 - (1 - explained) * (n - 1) / (n - k))
    return found
