"""Floors and baselines, recorded on the data of each replicate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bench.config.references import predicts_numbers
from bench.experiment import boosting, kernel_ridge
from bench.records import predictions
from bench.records.atomic import FILES
from bench.records.ledger import Ledger
from bench.records.schema import SCHEMA, Record, digest
from bench.training.data import load_data, load_references
from bench.training.request import describe_entry, origin_of
from bench.training.train import skill
from tasks.contract import Dataset, Reference, Task
from tasks.validation import naming

NOTE_SECONDS = 2.0
MADE = {kernel_ridge.NAME: kernel_ridge.kernel_ridge, boosting.NAME: boosting.boosting}
"""Predictors of numbers that stand beside those of the task itself. The first always does."""


def record_references(
    data_sets: Sequence[tuple[Task, int]],
    more: Sequence[str],
    seed: int,
    ledger: Ledger,
    note: Callable[[str], None],
) -> Iterator[None]:
    """Record those that the ledger lacks, a data set at a time; `note` is told every few seconds how far it is.

    data_sets: tasks and replicates. more: what is compared with besides (`--references`). seed: of the experiment.
    """
    told = time.monotonic()
    for done, (task, replicate) in enumerate(data_sets):
        if time.monotonic() - told > NOTE_SECONDS:
            told = time.monotonic()
            note(f"floors and baselines: {done} of {len(data_sets)} data sets")
        _record(task, (kernel_ridge.NAME, *more) if predicts_numbers(task) else (), seed, replicate, ledger)
        yield


def _record(task: Task, more: Sequence[str], seed: int, replicate: int, ledger: Ledger) -> None:
    there = ledger.labels(_reference_key(task, seed, replicate))  # a kill may have let some of them through
    if {*more, *(reference.name for reference in load_references(task, seed, 1))} <= there:  # the same everywhere
        return
    with naming(task):
        references = list(load_references(task, seed, replicate))
        data = load_data(task, seed, replicate)
        references += [MADE[name](task.at(replicate), data) for name in more if name not in there]
        records = _reference_records(task, seed, replicate, references)
    new = [
        (record, {"stage": "reference", "match": None, "trial": None})
        for record in records
        if record["model"]["label"] not in there
    ]
    content = None  # one file for all that share the key; what is added later must not change it
    if not there:
        content = predictions.pack_references(task.at(replicate), load_data(task, seed, replicate).test, references)
    if new and content is not None:
        new[0][0][FILES] = {f"{predictions.FOLDER}/{new[0][0]['key']}.npz": content}
    ledger.add_all(new)


def _reference_key(task: Task, seed: int, replicate: int) -> str:
    return digest(["reference", SCHEMA, task.name, task.version, task.identity(), seed, replicate])


def _reference_records(task: Task, seed: int, replicate: int, references: Sequence[Reference]) -> list[Record]:
    key = _reference_key(task, seed, replicate)
    floor = next(reference for reference in references if reference.kind == "floor")
    common = {"schema": SCHEMA, "key": key, "task": describe_entry(task), "replicate": replicate, "status": "ok"}
    common |= {"resampled": True} if task.resampled else {}
    common |= origin_of(task.at(replicate)) | splits_of(load_data(task, seed, replicate))
    return [
        {
            **common,
            "model": {"name": r.name, "label": r.name, "kind": r.kind, "how": r.how},
            "valid_loss": r.valid_loss,
            "test": {"loss": r.loss, "skill": skill(r.loss, floor.loss), **r.metrics},
        }
        for r in references
    ]


def splits_of(dataset: Dataset) -> Record:
    """What alarms must know of the data: sequences in each part, and how far test data leave training data.

    outside_range: the share of test values below the lowest or above the highest training value of their column; None
    where targets are classes. test_scored: only where some targets were not measured: sequences with one that was.
    """
    splits = {name: len(split) for name, split in vars(dataset).items()}
    train, test = dataset.train.targets, dataset.test.targets
    if not np.issubdtype(train.dtype, np.floating):
        return {"splits": splits, "outside_range": None}
    past = tuple(range(train.ndim - 1))  # all but the columns
    outside = (test < train.min(axis=past)) | (test > train.max(axis=past))
    if (measured := dataset.test.measured) is None:
        return {"splits": splits, "outside_range": float(outside.mean())}
    scored = int(measured.any(axis=1).sum())
    return {"splits": splits, "outside_range": float(outside[measured].mean()), "test_scored": scored}
