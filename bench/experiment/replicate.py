"""The parts of an experiment that ask the driver for jobs.

`Replicate` is the whole procedure done once: a search of its own, and a closer look at its selected trial. With
`--tune once` a `SearchForAll` takes the place of all replicates: one search, and its choice trained on each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.experiment.cell import FUSED, SEARCH_REPLICATE, CellPlan
from bench.experiment.cell_orders import confirm_order, examine_order, timing_order, train_order, trial_order
from bench.experiment.mirror import Mirror
from bench.experiment.order import Order
from bench.experiment.search import Point, Search, point_of
from bench.records.kept_models import kept_models
from bench.records.predictions import FOLDER as PREDICTIONS
from bench.records.schema import Record
from bench.records.selection import is_for_search_only, next_to_train, select
from bench.training.checkpoint import stored


class Replicate:
    """One replicate of a cell. selected: the training that its results are made of, once it is known.

    The weights of every training of which results may be made lie beside the records until the selected one has been
    examined. All of it can be done again after a kill: what is recorded is found, and without weights a training is
    repeated.
    """

    def __init__(self, plan: CellPlan, number: int, mirror: Mirror) -> None:
        self.plan, self.number, self._mirror = plan, number, mirror
        self.selected: Record | None = None
        self._search: Search | None = None  # from its first trial to its last: studies take memory
        self._trainings: list[Record] = []
        self._searched = self._ended = False

    def next_orders(self) -> Sequence[Order]:
        if self._ended:
            return []
        if not self._searched:
            self._search = self._search or self.plan.search(self.number)
            if trials := self._search.next_trials():
                return [trial_order(self.plan, trial, self.number) for trial in trials]
            self._search, self._searched = None, True
        if (trial := next_to_train(self._trainings)) is not None:
            return [train_order(self.plan, trial)]
        return self._end()

    def receive(self, records: Sequence[Record]) -> None:
        if self._ended:
            self._remove_files(records)
            return
        self._trainings += records
        if self._search is not None:
            self._search.tell(records)
            self._mirror.show(self.plan.name, self.number, self.plan.space(), records)

    def _end(self) -> Sequence[Order]:
        """Select a training; the order to examine it, where it had rivals."""
        self._ended, self.selected = True, select(self._trainings)
        if self.selected is not None:
            self.plan.kernel = self.plan.kernel or self.selected.get("kernel")
            if self.plan.space().only is None:
                return [examine_order(self.plan, self.selected)]
        self._remove_files(self._trainings)
        return []

    def _remove_files(self, last: Sequence[Record]) -> None:
        """Remove the weights of the trials, but for those that the last records keep.

        Those of a trial that a shorter search had selected stay as they are: a record may have their checksum. It has
        predictions, which other trials have not.
        """
        folder, kept = self.plan.experiment.results_folder, kept_models(last)
        selected = self.selected["key"] if self.selected else None
        weights = {record["key"] for record in self._trainings if not is_for_search_only(record)}
        for key in weights - kept.keys():
            if key == selected or not (folder / PREDICTIONS / f"{key}.npz").exists():
                for path in stored(folder, key):
                    path.unlink(missing_ok=True)
        self._trainings = []


class SearchForAll:
    """The search for all replicates of a cell, and its choice trained on each of them.

    chosen: what the search found; None: not yet, or nothing that trains.
    """

    def __init__(self, plan: CellPlan, replicates: int, mirror: Mirror) -> None:
        self.plan, self._replicates, self._mirror = plan, replicates, mirror
        self.chosen: Point | None = None
        self._search = None if plan.space().only else plan.search(SEARCH_REPLICATE)
        self._searched = False

    def next_orders(self) -> Sequence[Order]:
        if self._searched:
            return []
        if self._search is not None and (trials := self._search.next_trials()):
            return [trial_order(self.plan, trial, SEARCH_REPLICATE) for trial in trials]
        self._searched, self.chosen = True, self._search.best if self._search else self.plan.space().only
        if self.chosen is None:
            return []
        return [confirm_order(self.plan, self.chosen, replicate) for replicate in range(1, self._replicates + 1)]

    def receive(self, records: Sequence[Record]) -> None:
        if self._searched:
            self.plan.kernel = next((record["kernel"] for record in records if record.get("kernel")), None)
        elif self._search is not None:
            self._search.tell(records)
            self._mirror.show(self.plan.name, SEARCH_REPLICATE, self.plan.space(), records)


@dataclass(frozen=True)
class Timing:
    """A configuration of a cell that is timed alone, in rounds."""

    plan: CellPlan
    point: Point
    replicate: int
    environment: str

    @classmethod
    def of(cls, plan: CellPlan, selected: Record, environment: str) -> Timing:
        """The timing of a selected trial's configuration."""
        return cls(plan, point_of(selected), selected["replicate"], environment)

    def round(self, number: int) -> TimingRound:
        """Its part in a round (0, 1, …)."""
        return TimingRound(self, number)


class TimingRound:
    """Time a configuration; on a CPU an LSTM a second time, without the kernel that other cells lack."""

    def __init__(self, timing: Timing, number: int) -> None:
        where = (timing.point, timing.replicate, timing.environment, number)
        self._orders = [timing_order(timing.plan, *where)]
        self._again = [timing_order(timing.plan, *where, onednn=False)]

    def next_orders(self) -> Sequence[Order]:
        orders, self._orders = self._orders, []
        return orders

    def receive(self, records: Sequence[Record]) -> None:
        if records[0]["kernel"] == FUSED:
            self._orders, self._again = self._again, []
