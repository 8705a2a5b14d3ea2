"""Which trial of a replicate results are made of, and which configuration is typical of several replicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from bench.records.curves import lowest_valid_loss
from bench.records.schema import Record, label


def finished_loss(record: Record) -> float | None:
    """The lowest validation loss of a training with status "ok"; None for any other."""
    return lowest_valid_loss(record) if record["status"] == "ok" else None


def is_whole(record: Record) -> bool:
    """Whether a training was given its whole budget of steps, and not stopped early by `--prune`."""
    return "budget_steps" not in record["training"]


def is_for_search_only(record: Record) -> bool:
    """Whether it is a trial that another implementation of the model's network trained: no result is made of it."""
    return record["stage"] in ("trial", "search") and record.get("search_kernel") is not None


def select(records: Sequence[Record]) -> Record | None:
    """The training that a replicate's results are made of; None where there is none (yet).

    It is the model's own training of the trial with the lowest validation loss, of equal ones the first: that trial
    itself or, where another implementation trained it, the record of stage "train". A trial that the model itself
    has not trained, or not well, is passed over, and so is one that was stopped early.

    records: the trials of one replicate of one (match, task, model), and its trainings of stage "train".
    """
    own = _own_trainings(records)
    known = (own.get(trial["trial"]) if is_for_search_only(trial) else trial for trial in _ranked(records))
    return next((record for record in known if record is not None and finished_loss(record) is not None), None)


def next_to_train(records: Sequence[Record]) -> Record | None:
    """The trial that the model itself has to train before one can be selected; None: there is none, or none is left.

    It is the best one, and where the model's training of it does not end well the next best. records: as in `select`.
    """
    own = _own_trainings(records)
    for trial in _ranked(records):
        if not is_for_search_only(trial):
            return None
        if trial["trial"] not in own:
            return trial
        if finished_loss(own[trial["trial"]]) is not None:
            return None
    return None


def _ranked(records: Sequence[Record]) -> list[Record]:
    """The trials that ended well with their whole budget, by validation loss and number."""
    losses = [(finished_loss(r), r) for r in records if r["stage"] == "trial" and is_whole(r)]
    known = [(loss, r["trial"], place, r) for place, (loss, r) in enumerate(losses) if loss is not None]
    return [record for *_, record in sorted(known, key=lambda entry: entry[:3])]


def _own_trainings(records: Sequence[Record]) -> dict[int, Record]:
    """By trial, its training by the model itself, where another implementation made the trial."""
    return {record["trial"]: record for record in records if record["stage"] == "train"}


def configuration(record: Record) -> tuple[Any, ...]:
    """Hidden size, layers, initialisation and what else was searched, save rates: what decides how long a step takes.

    Of a hyper-parameter that is any number between two ends every trial has another value: it is left out.
    """
    model = record["model"]
    searched = (record.get("searched") or {}).items()
    choices = tuple(sorted((name, value) for name, value in searched if not isinstance(value, float)))
    return model["hidden_size"], model["num_layers"], model["init"], *choices


def most_frequent(selected: Sequence[Record]) -> Record | None:
    """A trial with the configuration that was selected most often; None where none was selected.

    selected: the selected trials of several replicates. Of configurations that are as frequent the one with the lowest
    mean validation loss counts. Returned is its trial in the lowest replicate.
    """
    counts = Counter(map(configuration, selected))
    if not counts:
        return None
    frequent = [found for found, count in counts.items() if count == max(counts.values())]

    def mean_loss(wanted: tuple[Any, ...]) -> float:
        losses = [lowest_valid_loss(record) or 0.0 for record in selected if configuration(record) == wanted]
        return sum(losses) / len(losses)

    chosen = min(frequent, key=mean_loss)
    return min((r for r in selected if configuration(r) == chosen), key=lambda record: int(record["replicate"]))


def drop_superseded(records: Iterable[Record]) -> list[Record]:
    """The records without those that a longer search, or more replicates, have made out of date.

    These are examinations (and the model's own trainings) of trials that are not selected any more, and timings of a
    configuration that is not the most frequent one any more. A training that failed stays: it tells why another trial
    was selected. Nothing is dropped where one search serves all replicates.
    """
    records = list(records)
    trials: dict[tuple[Any, ...], dict[int, list[Record]]] = {}
    for record in records:
        if record["stage"] in ("trial", "train"):
            trials.setdefault(_cell(record), {}).setdefault(record["replicate"], []).append(record)
    selected, timed = set(), {}
    for cell, replicates in trials.items():
        found = [training for training in map(select, replicates.values()) if training is not None]
        selected |= {(cell, training["key"]) for training in found}
        typical = most_frequent(found)
        timed[cell] = typical and configuration(typical)

    def stays(record: Record) -> bool:
        cell = _cell(record)
        if cell not in trials:
            return True
        if record["stage"] == "examine":
            return (cell, record["examined"]) in selected
        if record["stage"] == "train":
            return record["status"] != "ok" or (cell, record["key"]) in selected
        return record["stage"] != "time" or configuration(record) == timed[cell]

    return [record for record in records if stays(record)]


def _cell(record: Record) -> tuple[Any, ...]:
    return record.get("match"), label(record.get("task")), label(record.get("model"))
