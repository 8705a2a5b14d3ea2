"""Searches whose trials ran on another implementation of the model's network (`--engine auto`), and what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.analysis.formatting import counted
from bench.analysis.recorded import Recorded
from bench.records.schema import Record, label
from bench.records.selection import finished_loss, is_whole


@dataclass(frozen=True)
class SearchKernel:
    """A model whose search trials ran on another kernel than its results.

    trained: selected trials that the model itself then trained well. One that several comparisons share counts once.
    compared: those of them whose replicate trained another configuration to the end, too. behind: those in which the
    best such configuration has a lower validation loss than the model's own training, so that the model itself may
    have selected that one.
    """

    model: str
    search_kernel: str
    kernel: str
    trained: int
    compared: int
    behind: int

    @property
    def sentence(self) -> str:
        """Who trained what, and how often the selection may be another than the model's own."""
        said = (
            f"{self.model}: the search's trials ran on another implementation of the same network "
            f"({self.search_kernel} kernel), and what the search chose was trained again by the model itself "
            f"({self.kernel} kernel); results are made of these trainings alone."
        )
        if not self.trained:
            return said
        if not self.compared:
            return (
                f"{said} No replicate trained a second configuration to the end, so these "
                "records do not show whether the model itself would have chosen another one."
            )
        doubt = "there the model itself may have chosen another configuration."
        if self.compared < self.trained:
            some = (
                f"{said} In {self.compared} of {self.trained} replicates a second configuration was trained to the end"
            )
            if not self.behind:
                return f"{some}; the model's own training stayed ahead of the second-best one on validation data."
            return f"{some}; in {self.behind} of these the model's own training fell behind it: {doubt}"
        if not self.behind:
            return f"{said} In every replicate that training stayed ahead of the second-best trial on validation data."
        return (
            f"{said} In {self.behind} of {counted(self.compared, 'replicate')} that training fell behind the "
            f"second-best trial on validation data: {doubt}"
        )


def search_kernels(results: Recorded) -> Iterator[SearchKernel]:
    """One for each such model, in the order of the models."""
    found: dict[str, dict[str, list[Record]]] = {}
    recorded = results.training_records
    for record in recorded:
        if record.get("search_kernel") is not None and finished_loss(record) is not None:
            found.setdefault(str(label(record.get("model"))), {}).setdefault(record["stage"], []).append(record)
    failed = {
        (_replicate(record), record["trial"])
        for record in recorded
        if record["stage"] == "train" and finished_loss(record) is None
    }
    selected = {id(record) for record in results.selected_records}
    for model in (model for model in results.models if model in found):
        again = [record for stage in ("train", "confirm") for record in found[model].get(stage, [])]
        if not again:
            continue
        others = _whole_trials(found[model].get("trial", []), failed)
        leads: dict[str, list[float]] = {}  # by training: how far it is ahead of the second-best trial, in each match
        for record in found[model].get("train", []):
            own = finished_loss(record)
            if own is not None and id(record) in selected:
                losses = [loss for trial, loss in others.get(_replicate(record), []) if trial != record["trial"]]
                ahead = leads.setdefault(str(record["key"]), [])
                ahead += [min(losses) - own] if losses else []
        yield SearchKernel(
            model,
            str(again[0]["search_kernel"]),
            str(again[0]["kernel"]),
            trained=len(leads),
            compared=sum(bool(ahead) for ahead in leads.values()),
            behind=sum(min(ahead) < 0 for ahead in leads.values() if ahead),
        )


def _replicate(record: Record) -> tuple[Any, ...]:
    return record.get("match"), label(record.get("task")), label(record.get("model")), record["replicate"]


def _whole_trials(
    trials: list[Record], failed: set[tuple[tuple[Any, ...], int]]
) -> dict[tuple[Any, ...], list[tuple[int, float]]]:
    """By replicate, the trials that were trained to the end, each with its validation loss.

    failed: replicates with trials that the model itself could not train, so that it would not have selected them.
    """
    found: dict[tuple[Any, ...], list[tuple[int, float]]] = {}
    for record in trials:
        where, loss = _replicate(record), finished_loss(record)
        if loss is not None and is_whole(record) and (where, record["trial"]) not in failed:
            found.setdefault(where, []).append((record["trial"], loss))
    return found
