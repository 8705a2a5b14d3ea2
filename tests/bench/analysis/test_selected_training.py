"""Tables mark the training that records' own selection names, whatever has been trained and failed so far."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis.tables import trainings_table
from bench.records.selection import select


def some_replicate(synthetic: ModuleType, seed: int) -> list[dict[str, Any]]:
    """The records of a replicate at any point: trials by a faster implementation or not, some trained by the model."""
    rng = np.random.default_rng(seed)
    kernel = {"search_kernel": "numpy"} if rng.random() < 0.8 else {}
    status = ("ok", "diverged")
    trials = [
        {
            **synthetic.training("sine", "gru", 1, stage="trial", trial=n, status=rng.choice(status, p=[0.7, 0.3])),
            **kernel,
        }
        for n in range(4)
    ]
    for trial in trials[2:]:
        if rng.random() < 0.2:  # stopped early by --prune
            trial["training"] = {**trial["training"], "budget_steps": 10**6}
    good = [t["trial"] for t in trials if t["status"] == "ok" and "budget_steps" not in t["training"]]
    again = [n for n in good if kernel and rng.random() < 0.5]
    trained = [
        {**synthetic.training("sine", "gru", 1, stage="train", trial=n, status=rng.choice(status)), **kernel}
        for n in again
    ]
    return [*trials, *trained]


@pytest.mark.parametrize("seed", range(60))
def test_the_table_marks_what_is_selected(synthetic: ModuleType, seed: int) -> None:
    records = some_replicate(synthetic, seed)
    table, expected = trainings_table(records), select(records)
    marked = [record for record, chosen in zip(records, table["selected"], strict=True) if chosen]
    if expected is not None:
        assert marked == [expected]
        return
    trials = [record for record in records if record["stage"] == "trial"]
    failed = [record for record in records if record["stage"] == "train" and record["status"] != "ok"]
    whole = [r for r in trials if r["status"] == "ok" and "budget_steps" not in r["training"]]
    if not whole:  # all trials failed: the first is the replicate's failure
        assert [record["status"] for record in marked] == ["diverged"] or "budget_steps" in marked[0]["training"]
    elif failed:
        assert [record["stage"] for record in marked] == ["train"]
        assert marked[0]["status"] == "diverged"
    else:  # the model itself has yet to train what was selected
        assert marked == []
