"""Floors and baselines, recorded on the data of each replicate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from bench.records import predictions
from bench.records.atomic import FILES
from bench.records.ledger import Ledger
from bench.records.schema import SCHEMA, Record, digest
from bench.training.data import load_data, load_references
from bench.training.request import describe_entry, origin_of
from bench.training.train import skill
from tasks.contract import Reference, Task
from tasks.validation import naming

NOTE_SECONDS = 2.0


def record_references(
    data_sets: Sequence[tuple[Task, int]], seed: int, ledger: Ledger, note: Callable[[str], None]
) -> Iterator[None]:
    """Record those that the ledger lacks, a data set at a time; `note` is told every few seconds how far it is.

    data_sets: tasks and replicates. seed: of the experiment.
    """
    told = time.monotonic()
    for done, (task, replicate) in enumerate(data_sets):
        if time.monotonic() - told > NOTE_SECONDS:
            told = time.monotonic()
            note(f"floors and baselines: {done} of {len(data_sets)} data sets")
        _record(task, seed, replicate, ledger)
        yield


def _record(task: Task, seed: int, replicate: int, ledger: Ledger) -> None:
    key = _reference_key(task, seed, replicate)
    if len(ledger.labels(key)) == len(load_references(task, seed, 1)):  # as many in each replicate
        return
    with naming(task):
        references = load_references(task, seed, replicate)
        records = _reference_records(task, seed, replicate, references)
    new = [
        (record, {"stage": "reference", "match": None, "trial": None})
        for record in records
        if record["model"]["label"] not in ledger.labels(key)  # a kill may have let some of them through
    ]
    content = predictions.pack_references(task.at(replicate), load_data(task, seed, replicate).test, references)
    if new and content is not None:  # one file for all that share the key
        new[0][0][FILES] = {f"{predictions.FOLDER}/{key}.npz": content}
    ledger.add_all(new)


def _reference_key(task: Task, seed: int, replicate: int) -> str:
    return digest(["reference", SCHEMA, task.name, task.version, task.identity(), seed, replicate])


def _reference_records(task: Task, seed: int, replicate: int, references: Sequence[Reference]) -> list[Record]:
    key = _reference_key(task, seed, replicate)
    floor = next(reference for reference in references if reference.kind == "floor")
    common = {"schema": SCHEMA, "key": key, "task": describe_entry(task), "replicate": replicate, "status": "ok"}
    common |= origin_of(task.at(replicate))
    return [
        {
            **common,
            "model": {"name": r.name, "label": r.name, "kind": r.kind, "how": r.how},
            "valid_loss": r.valid_loss,
            "test": {"loss": r.loss, "skill": skill(r.loss, floor.loss), **r.metrics},
        }
        for r in references
    ]
