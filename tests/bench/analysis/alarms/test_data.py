"""Test values beyond the training values and too few of them raise an alarm; usual data do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis.alarms.data import few_test_rows, out_of_range
from bench.analysis.results import Results
from bench.experiment.references import splits_of
from tasks.contract import Dataset, Split
from tasks.copy_memory import CopyMemory

Build = Callable[..., Results]


def with_splits(
    synthetic: ModuleType,
    shares: list[float | None],
    *,
    test: int = 100,
    task: dict[str, Any] | None = None,
    blocks: int | None = None,
) -> list[dict[str, Any]]:
    """A reference on each replicate, with what is recorded of the data."""
    records = []
    for replicate, share in enumerate(shares, start=1):
        record = synthetic.reference("series", "persistence", "floor", replicate, 0.1)
        record |= {"outside_range": share, "splits": {"train": 300, "valid": 50, "test": test}}
        record["task"] |= task or {}
        if blocks:
            block = (blocks - replicate) % blocks
            record["origin"] = {"block": block, "blocks": blocks, "train_rows": 300, "test_rows": test}
        records.append(record)
    return records


def test_a_trend_is_an_alarm_with_the_transform_that_mends_it(synthetic: ModuleType, results_of: Build) -> None:
    own = {"name": "series", "parameters": {"transform": "none"}}
    (alarm,) = out_of_range(results_of(with_splits(synthetic, [1.0, 0.9, 0.8], task=own)))
    assert alarm.text == (
        "On series, 90 % of the test values lie outside the range of the training values, where a net must "
        "extrapolate: give --transform growth, or --transform difference where values may be 0 or below."
    )
    own["parameters"] = {"transform": "growth"}
    (alarm,) = out_of_range(results_of(with_splits(synthetic, [1.0], task=own)))
    assert alarm.text.endswith("the transform that was given does not remove the trend.")
    (alarm,) = out_of_range(results_of(with_splits(synthetic, [1.0], task={"name": "co2"})))
    assert alarm.text == (
        "On series, 100 % of the test values lie outside the range of the training values, so this measures how well "
        "a trend is extrapolated."
    )


@pytest.mark.parametrize("shares", [[0.0] * 5, [0.1, 0.0, 0.4], [None, None], []])
def test_usual_extremes_and_classes_are_none(
    synthetic: ModuleType, results_of: Build, shares: list[float | None]
) -> None:
    assert out_of_range(results_of(with_splits(synthetic, shares))) == []


def test_the_share_is_counted_by_column() -> None:
    """A value of one column is not inside because another column has such values."""
    rows = np.array([[t, 100.0 + t % 2] for t in range(200)])
    parts = [Split(rows[part, None], rows[part]) for part in (slice(0, 120), slice(120, 150), slice(150, 200))]
    found = splits_of(Dataset(*parts))
    assert found["outside_range"] == 0.5  # all of the first column, nothing of the second
    assert found["splits"] == {"train": 120, "valid": 30, "test": 50}
    assert splits_of(CopyMemory(delay=2, length=1).generate(0))["outside_range"] is None


@pytest.mark.parametrize(
    ("replicates", "test", "blocks", "mend"),
    [
        (2, 10, 5, "give --replicates 5"),
        (5, 5, 5, "give more rows, or a smaller --window"),
        (10, 5, 5, "give more rows, or a smaller --window"),  # replicates that share blocks add no rows
        (2, 10, None, "give more --replicates"),
    ],
)
def test_a_handful_of_test_values_is_an_alarm(
    synthetic: ModuleType, results_of: Build, replicates: int, test: int, blocks: int | None, mend: str
) -> None:
    (alarm,) = few_test_rows(results_of(with_splits(synthetic, [0.0] * replicates, test=test, blocks=blocks)))
    total = test * min(replicates, blocks or replicates)
    what = "values" if blocks else "sequences"
    assert (
        alarm.text
        == f"On series, results rest on {total} test {what} in all, so that a few unusual ones decide: {mend}."
    )


@pytest.mark.parametrize(
    ("test", "drawn", "said"),
    [
        (1, "aaaaa", "5 replicates are tested on the same sequence, so results and intervals are about it alone"),
        (9, "aaaaa", "5 replicates are tested on the same 9 sequences, so results and intervals are about these alone"),
        (9, "aabbb", "5 replicates are tested on only 18 sequences, so results and intervals are about these alone"),
        (
            1,
            "abcde",
            "results rest on 5 test sequences in all, so that a few unusual ones decide: give more --replicates",
        ),
    ],
)
def test_data_that_replicates_share_are_counted_once(
    synthetic: ModuleType, results_of: Build, test: int, drawn: str, said: str
) -> None:
    """More replicates of a task that draws nothing are tested on the same data."""
    records = with_splits(synthetic, [0.0] * len(drawn), test=test)
    for replicate, data in enumerate(drawn, start=1):
        records.append(synthetic.training("series", "gru", replicate) | {"hashes": {"data": data}})
    (alarm,) = few_test_rows(results_of(records))
    assert alarm.text == f"On series, {said}."


def test_values_that_were_filled_in_are_not_counted(synthetic: ModuleType, results_of: Build) -> None:
    records = with_splits(synthetic, [0.0] * 5, test=60, blocks=5)
    assert few_test_rows(results_of(records)) == []
    filled = [{**record, "test_scored": 4} if "splits" in record else record for record in records]
    (alarm,) = few_test_rows(results_of(filled))
    assert "20" in alarm.text


def test_what_leaves_the_range_is_counted_of_what_was_measured() -> None:
    train = Split(np.zeros((3, 2, 1), np.float32), np.array([[0.0], [1.0], [0.5]], np.float32))
    test = replace(train, targets=np.array([[9.0], [9.0], [0.5]], np.float32))
    measured = replace(test, measured=np.array([[False], [True], [True]]))
    assert splits_of(Dataset(train, train, test))["outside_range"] == pytest.approx(2 / 3)
    found = splits_of(Dataset(train, train, measured))
    assert (found["outside_range"], found["test_scored"]) == (0.5, 2)


def test_enough_test_values_and_records_that_do_not_tell_are_none(synthetic: ModuleType, results_of: Build) -> None:
    assert few_test_rows(results_of(with_splits(synthetic, [0.0] * 5, test=6, blocks=5))) == []
    assert few_test_rows(results_of([synthetic.reference("sine", "persistence", "floor", 1, 0.1)])) == []
