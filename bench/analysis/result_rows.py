"""Which rows of a table of trainings results are made of: what each replicate's search selected, or its failure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.analysis.formatting import is_missing

if TYPE_CHECKING:
    import pandas as pd

BUDGET_STEPS = "budget_steps"  # a column that is there only where `--prune` stopped a training before these steps
CONFIGURATION = ["hidden_size", "num_layers", "init", "learning_rate", "batch_size", "steps"]


def stopped_early(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Which trainings were stopped before their whole budget of steps, by `--prune`: `(n,)`."""
    if BUDGET_STEPS not in table:
        return np.zeros(len(table), dtype=np.bool_)
    return table[BUDGET_STEPS].notna().to_numpy(bool)


def selected_mask(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows of a table of trainings results are made of: `(n,)`.

    Of a replicate's own search one training, the one that `bench.records.selection.select` names; where there is none,
    the first that failed, as the replicate's failure. A replicate whose best trial the model itself has not trained yet
    has none, and so has one whose pruned search goes on (`_in_halving`). Of a confirm stage the trainings of the
    configuration that was confirmed last. A training that was stopped early and ended well is never selected.
    """
    chosen_rows = list(_selected_trainings(table))
    confirm = table[(table["stage"] == "confirm").to_numpy()]
    for _, group in confirm.groupby(["match", "task", "model"], sort=False):
        chosen_rows += list(_confirmed_last(group).index)
    return np.asarray(table.index.isin(chosen_rows), dtype=np.bool_)


def _selected_trainings(table: pd.DataFrame) -> pd.Index[Any]:
    """The index of those rows of stages "trial" and "train" that results are made of."""
    replicate = ["match", "task", "model", "replicate"]
    own_search = table["stage"].isin(("trial", "train")).to_numpy(bool)
    rows = table.loc[own_search, [*replicate, "trial", "stage", "status", "valid_loss", "search_kernel", "steps"]]
    rows = rows.assign(whole=~stopped_early(table)[own_search])
    stopped = (rows["status"] == "ok") & ~rows["whole"]
    rows = rows[~(stopped | _in_halving(rows, stopped, replicate))]
    ended = (rows["status"] == "ok") & rows["valid_loss"].notna()
    found = rows.assign(rank=rows["valid_loss"].where(ended, math.inf))
    if rows["search_kernel"].notna().any():
        found = _ranked_by_search(found, ended.to_numpy(bool), replicate)
    ordered = found.sort_values(["rank", "trial"], kind="stable")
    return ordered[~ordered.duplicated(replicate)].index


def _in_halving(rows: pd.DataFrame, stopped: pd.Series[Any], replicate: list[str]) -> pd.Series[Any]:
    """The rows of replicates whose pruned search is not over: of the longest trainings so far, one was stopped early
    and ended well, so that it or a better one goes on. stopped: the rows that ended so."""
    reached = rows["steps"].astype("Float64").fillna(0.0).astype(float).where(~rows["whole"], math.inf)
    names = [rows[name] for name in replicate]
    furthest = reached == reached.groupby(names, dropna=False).transform("max")
    return (stopped & furthest).groupby(names, dropna=False).transform("any")


def _ranked_by_search(rows: pd.DataFrame, ended: NDArray[np.bool_], replicate: list[str]) -> pd.DataFrame:
    """The rows without trials that another implementation trained; the model's own training has its trial's rank.

    Such trials stay where none of a replicate's trials ended well: they are its failure.
    """
    import pandas as pd

    trial = [*replicate, "trial"]
    is_trial = (rows["stage"] == "trial").to_numpy(bool)
    only_search = is_trial & rows["search_kernel"].notna().to_numpy(bool)
    ranks = rows[is_trial & ended].drop_duplicates(trial).set_index(trial)["rank"]
    rank = ranks.reindex(pd.MultiIndex.from_frame(rows[trial])).to_numpy(float)
    rows = rows.assign(rank=np.where(is_trial, rows["rank"], np.where(ended, rank, math.inf)))
    any_ended = pd.Series(ended, rows.index).groupby([rows[name] for name in replicate]).transform("any")
    stays: NDArray[np.bool_] = ~(only_search & any_ended.to_numpy(bool)) & (is_trial | ~np.isnan(rank))
    return rows.loc[stays]


def _confirmed_last(group: pd.DataFrame) -> pd.DataFrame:
    """The replicates of the configuration that was confirmed last, should a group hold more than one."""
    last = group.iloc[-1][CONFIGURATION]
    same = [
        group[key].isna() if is_missing(last[key]) else (group[key] == last[key]).fillna(False) for key in last.index
    ]
    return group[np.logical_and.reduce([column.to_numpy(bool) for column in same])]
