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


def select(trials: Sequence[Record]) -> Record | None:
    """The trial with the lowest validation loss, of equal ones the first; None where none ended well.

    trials: those of one replicate of one (match, task, model). A trial that was stopped early is never selected.
    """
    losses = [(finished_loss(record), record) for record in trials if is_whole(record)]
    known = [(loss, record["trial"], place) for place, (loss, record) in enumerate(losses) if loss is not None]
    return losses[min(known)[2]][1] if known else None


def configuration(record: Record) -> tuple[int, int, str]:
    """Hidden size, layers and initialisation: what decides how long a step takes."""
    model = record["model"]
    return model["hidden_size"], model["num_layers"], model["init"]


def most_frequent(selected: Sequence[Record]) -> Record | None:
    """A trial with the configuration that was selected most often; None where none was selected.

    selected: the selected trials of several replicates. Of configurations that are as frequent the one with the lowest
    mean validation loss counts. Returned is its trial in the lowest replicate.
    """
    counts = Counter(map(configuration, selected))
    if not counts:
        return None
    frequent = [found for found, count in counts.items() if count == max(counts.values())]

    def mean_loss(wanted: tuple[int, int, str]) -> float:
        losses = [lowest_valid_loss(record) or 0.0 for record in selected if configuration(record) == wanted]
        return sum(losses) / len(losses)

    chosen = min(frequent, key=mean_loss)
    return min((r for r in selected if configuration(r) == chosen), key=lambda record: int(record["replicate"]))


def drop_superseded(records: Iterable[Record]) -> list[Record]:
    """The records without those that a longer search, or more replicates, have made out of date.

    These are examinations of trials that are not selected any more, and timings of a configuration that is not the most
    frequent one any more. Nothing is dropped where one search serves all replicates.
    """
    records = list(records)
    trials: dict[tuple[Any, ...], dict[int, list[Record]]] = {}
    for record in records:
        if record["stage"] == "trial":
            trials.setdefault(_cell(record), {}).setdefault(record["replicate"], []).append(record)
    selected, timed = set(), {}
    for cell, replicates in trials.items():
        found = [trial for trial in map(select, replicates.values()) if trial is not None]
        selected |= {(cell, trial["key"]) for trial in found}
        typical = most_frequent(found)
        timed[cell] = typical and configuration(typical)

    def stays(record: Record) -> bool:
        cell = _cell(record)
        if cell not in trials:
            return True
        if record["stage"] == "examine":
            return (cell, record["examined"]) in selected
        return record["stage"] != "time" or configuration(record) == timed[cell]

    return [record for record in records if stays(record)]


def _cell(record: Record) -> tuple[Any, ...]:
    return record.get("match"), label(record.get("task")), label(record.get("model"))
