"""A training of a series is that of its replicate's forecast origin: data, units, target and record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.experiment.references import _record
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.records.schema import Record
from bench.training.data import load_data, load_references
from bench.training.jobs import TrainingJob, attempt
from bench.training.request import Training
from tasks.contract import Task
from tasks.registry import TASKS


def training(replicate: int, task: Task | None = None) -> Training:
    settings = Settings(hidden_size=2, num_layers=1, learning_rate=0.01)
    task = task or TASKS.create("sunspots")
    return Training(task, MODELS.create("numpy_gru"), settings, batch_size=8, steps=4, replicate=replicate)


def test_a_training_is_made_at_its_replicates_origin() -> None:
    task = TASKS.create("sunspots")
    assert training(3, task).task == training(3, task.at(7)).task == task.at(3)
    assert replace(training(3, task), replicate=4).task == task.at(4)
    assert training(3).key() == training(3, task.at(7)).key() != training(4).key()
    for replicate in (0, 3):
        data, alone = load_data(task.at(7), 0, replicate), task.at(replicate).generate(0)
        np.testing.assert_array_equal(data.test.targets, alone.test.targets)
        assert load_references(task.at(7), 0, replicate) == tuple(task.at(replicate).references(alone))


def test_the_record_says_where_the_series_was_cut_and_what_was_to_be_reached_there() -> None:
    records = {replicate: attempt(TrainingJob(training(replicate)), lambda *_: None) for replicate in (0, 1, 3, 11)}
    assert {record["status"] for record in records.values()} == {"ok"}
    assert records[3]["origin"] == {"block": 7, "blocks": 10, "train_rows": 230, "test_rows": 11, "rows": 309}
    assert records[0]["origin"] == {"block": None, "blocks": 10, "train_rows": 142, "test_rows": 11, "rows": 309}
    assert records[3]["target"]["threshold"] == TASKS.create("sunspots").at(3).target.threshold
    assert records[3]["train_sequences"] == 230 - 24
    # the eleventh replicate has the first one's block, with other initial weights and batches
    assert records[1]["origin"] == records[11]["origin"]
    assert records[1]["hashes"]["data"] == records[11]["hashes"]["data"] != records[3]["hashes"]["data"]
    assert records[1]["hashes"]["weights"] != records[11]["hashes"]["weights"]
    assert records[1]["key"] != records[11]["key"]


def test_a_failed_training_has_its_origin_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("bench.training.train.build_learner", broken)
    record = attempt(TrainingJob(training(2)), lambda *_: None)
    assert record["status"] == "failed"
    assert record["origin"]["block"] == 8


def test_a_made_task_has_no_origin() -> None:
    assert "origin" not in training(1, TASKS.create("sine")).describe()


def test_epochs_are_those_of_the_origin() -> None:
    assert [TrainingJob(training(replicate)).epoch_steps for replicate in (1, 10)] == [29, 17]  # of 228 and 129 windows


class Kept:
    """A ledger that keeps what is added to it."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def labels(self, key: str) -> set[str]:
        return set()

    def add_all(self, new: list[tuple[Record, Record]]) -> None:
        self.records += [record for record, _ in new]


def test_references_are_recorded_at_each_origin_with_their_validation_loss() -> None:
    ledger = Kept()
    for name in ("sunspots", "sine"):
        for replicate in (1, 2):
            _record(TASKS.create(name), (), 0, replicate, ledger)  # type: ignore[arg-type]
    of_series = [record for record in ledger.records if record["task"]["name"] == "sunspots"]
    assert [record["origin"]["block"] for record in of_series] == [9] * 4 + [8] * 4
    task = TASKS.create("sunspots").at(2)
    expected = {reference.name: reference for reference in task.references(task.generate(0))}
    for record in of_series[4:]:
        reference = expected[record["model"]["label"]]
        assert (record["valid_loss"], record["test"]["loss"]) == (reference.valid_loss, reference.loss)
    of_sine = [record for record in ledger.records if record["task"]["name"] == "sine"]
    assert all("origin" not in record and record["valid_loss"] is not None for record in of_sine)
