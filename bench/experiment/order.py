"""What the parts of an experiment ask the driver for: jobs, batch after batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.records.schema import Record
from bench.training.jobs import Job


@dataclass(frozen=True)
class Order:
    """A job, and what its record says besides what the job measured: stage, match, trial.

    turn: orders of an earlier turn start first, of one turn the costliest. With a turn for each replicate, an
    experiment that is stopped early has whole replicates. leaves: a file, without its ending, that the job
    leaves beside its record.
    """

    job: Job
    identity: dict[str, Any]
    turn: int = 0
    leaves: str | None = None


class Cell(Protocol):
    """A part of an experiment that asks for jobs, batch after batch."""

    def next_orders(self) -> Sequence[Order]:
        """The next batch; empty: the cell has come to its end. Called when the last batch has been received."""
        ...

    def receive(self, records: Sequence[Record]) -> None:
        """The records of the last batch, in its order."""
        ...


class OneBatch:
    """A cell that asks once. records: what came of it, in its order; empty before the end."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._orders, self.records = orders, list[Record]()

    def next_orders(self) -> Sequence[Order]:
        orders, self._orders = self._orders, ()
        return orders

    def receive(self, records: Sequence[Record]) -> None:
        self.records += records
