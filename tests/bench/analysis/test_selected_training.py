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
    if not whole:  # all whole trials failed: the first that failed is the replicate's failure
        assert [record["status"] for record in marked] == ["diverged"]
    elif failed:
        assert [record["stage"] for record in marked] == ["train"]
        assert marked[0]["status"] == "diverged"
    else:  # the model itself has yet to train what was selected
        assert marked == []


def test_a_replicate_whose_search_was_interrupted_before_a_whole_training_is_not_there(synthetic: ModuleType) -> None:
    for stops in ((118,), (118, 354)):
        assert not trainings_table(synthetic.pruned("sine", "gru", 1, stops=stops))["selected"].any()
    finished = synthetic.pruned("sine", "gru", 1)
    assert trainings_table(finished)["selected"].tolist() == [False] * 8 + [True]


def fail(record: dict[str, Any]) -> None:
    record |= {"status": "diverged", "test": None}


def test_a_failure_on_the_way_of_a_pruned_search_counts_only_where_nothing_goes_on(synthetic: ModuleType) -> None:
    records = synthetic.pruned("sine", "gru", 1, stops=(118,))
    fail(records[0])
    assert not trainings_table(records)["selected"].any()  # the other five are ranked, and two of them go on
    for record in records:
        fail(record)
    assert trainings_table(records)["selected"].tolist() == [True] + [False] * 5
    for reached in ((118, 354), (118, 354, None)):
        records = synthetic.pruned("sine", "gru", 1, stops=reached)
        last = [r for r in records if r["training"]["steps"] == records[-1]["training"]["steps"]]
        for record in last:
            fail(record)
        table = trainings_table(records)
        assert table[table["selected"].to_numpy(bool)]["status"].tolist() == ["diverged"]
