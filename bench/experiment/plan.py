"""How much an experiment trains: its cells, the trials of a replicate, and the replicates of each task.

A folder's experiment only grows. Where more trials or replicates were begun than are asked for now, they are completed:
replicates searched with different numbers of trials, or for some models only, could not be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.config.budgets import FIRST_LOOK
from bench.config.experiment import Experiment
from bench.config.naming import extending
from bench.experiment.cell import CellPlan
from bench.experiment.matched import QUANTITIES, Timed, as_json, beyond
from bench.records.ledger import Ledger
from bench.records.manifest import IN_PART
from tasks.contract import Task

Part = tuple[str, str]  # a comparison and a task, as records call them


class Plan:
    """The cells of an experiment. replicates: by comparison and task, how many there are to be."""

    def __init__(
        self,
        experiment: Experiment,
        device: str,
        timed: Timed | None = None,
        left_alone: Mapping[str, int] | None = None,
    ) -> None:
        """timed: the measured sizes of comparisons at equal time. left_alone: tasks that belong to the experiment and
        are not worked on now, with the replicates that are planned of each."""
        self.experiment, self.timed, self.left_alone = experiment, timed or {}, left_alone or {}
        self.cells = [
            CellPlan(experiment, matching, task, entry, device, timed=self.timed)
            for matching in experiment.matchings
            for task in experiment.tasks
            for entry in experiment.entries
        ]
        options = experiment.options
        first = max(options.replicates or 1, FIRST_LOOK if options.until_settled else 1)
        self.replicates = {
            (cell.match, cell.task.label): self.left_alone.get(cell.task.label, first) for cell in self.cells
        }

    def extended(self, ledger: Ledger) -> Plan:
        """The plan for an experiment that has begun: at least as large as what is recorded of it."""
        options = self.experiment.options
        if options.tune == "once":
            return self
        places = [place for place, _ in ledger.statuses() if place.stage == "trial"]
        begun = max(((place.trial or 0) + 1 for place in places), default=1)
        trials = max(options.trials or 1, begun if "trials" in extending(options) else 1)
        experiment = replace(self.experiment, options=replace(options, trials=trials))
        plan = Plan(experiment, self.cells[0].device, self.timed, self.left_alone)
        for place in places:
            part = (place.match or "", place.task or "")
            if part in plan.replicates:
                plan.replicates[part] = max(plan.replicates[part], place.replicate or 1)
        return plan

    def looks_again(self, before: Mapping[str, Any]) -> bool:
        """Whether replicates are added to an experiment that was complete, and so looked at, with fewer.

        before: its manifest, {} where there is none. Results that are looked at repeatedly need another test.
        """
        options = self.experiment.options
        if options.tune == "once" or not before:
            return False
        looked_at = before.get("status") in ("complete", IN_PART)
        fewer = looked_at and before["experiment"]["replicates"] < (options.replicates or 1)
        return bool(before.get("extended")) or fewer

    @property
    def worked_on(self) -> list[CellPlan]:
        """The cells of the tasks that were asked for."""
        return [cell for cell in self.cells if cell.task.label not in self.left_alone]

    def count(self, cell: CellPlan) -> int:
        """Replicates of a cell."""
        return self.replicates[cell.match, cell.task.label]

    def add(self, part: Part, replicates: int) -> list[tuple[CellPlan, int]]:
        """Give a task more replicates; which are new, as cells and numbers."""
        before, self.replicates[part] = self.replicates[part], replicates
        cells = [cell for cell in self.cells if (cell.match, cell.task.label) == part]
        return [(cell, number) for number in range(before + 1, replicates + 1) for cell in cells]

    def data_sets(self) -> list[tuple[Task, int]]:
        """Tasks and replicates whose data some cell is trained on now."""
        found = []
        for task in (task for task in self.experiment.tasks if task.label not in self.left_alone):
            most = max(count for (_, label), count in self.replicates.items() if label == task.label)
            found += [(task, number) for number in range(1, most + 1)]
        return found

    def matched(self) -> dict[str, Any]:
        """The sizes and amounts of comparisons at equal amounts, for the manifest."""
        found = [(cell.name, cell.matching.kind, matched) for cell in self.cells if (matched := cell.matched())]
        return as_json(found, self.experiment.tolerances)

    def unmatched(self) -> list[str]:
        """A sentence for each model that no size brings within the tolerance of a comparison's budget."""
        found = []
        for cell in self.cells:
            matched, tolerance = cell.matched(), self.experiment.tolerances.get(cell.matching.kind, 0.0)
            if matched is not None and beyond(matched, tolerance):
                quantity, away = QUANTITIES[cell.matching.kind], matched.amount / matched.budget - 1
                found.append(
                    f"at equal {quantity}, {cell.entry.label} has {matched.amount:,.6g} on {cell.task.label} (hidden "
                    f"size {matched.hidden_size}), {100 * abs(away):.3g} % {'more' if away > 0 else 'fewer'} than the "
                    f"{matched.budget:,.6g} that all are to have; {100 * tolerance:.3g} % is allowed"
                )
        return found

    def settings(self) -> dict[str, Any]:
        """The settings of the experiment as it is now, for its manifest; `replicates`: as many as every task has."""
        return {**self.experiment.settings(), "replicates": min(self.replicates.values())}

    def planned(self, cells: Sequence[CellPlan] | None = None) -> int:
        """Trainings and measurements in all, or of some cells, if no search fails whole."""
        return sum(sum(cell.planned(self.count(cell)).values()) for cell in (self.cells if cells is None else cells))

    def missing(self, ledger: Ledger) -> list[dict[str, Any]]:
        """What each cell still lacks, by stage; cells that lack nothing are left out."""
        names = ("match", "task", "model")
        return [{**dict(zip(names, cell.name, strict=True)), **lacks} for cell, lacks in self.lacking(ledger)]

    def lacking(self, ledger: Ledger) -> list[tuple[CellPlan, dict[str, int]]]:
        """The cells that are not complete, with how many trainings and timings each lacks, by stage."""
        done = Counter((place.match, place.task, place.model, place.stage) for place, _ in ledger.statuses())
        found = []
        for cell in self.cells:
            planned = cell.planned(self.count(cell))
            lacks = {stage: max(count - done[(*cell.name, stage)], 0) for stage, count in planned.items()}
            if any(lacks.values()):
                found.append((cell, lacks))
        return found


def covers(recorded: Mapping[str, Any], experiment: Experiment) -> bool:
    """Whether a complete experiment with the `recorded` settings has all that is asked for now."""
    options = experiment.options
    if not (set(options.models) <= set(recorded["models"]) and set(options.tasks or ()) <= set(recorded["tasks"])):
        return False
    if options.save_models and recorded.get("save_models") is not True:
        return False
    if not set(options.references) <= set(recorded.get("references") or ()):
        return False
    if options.tune == "once":
        return True  # the identity has all numbers
    enough = recorded["replicates"] >= (options.replicates or 1) and recorded["trials"] >= (options.trials or 1)
    looked = recorded["until_settled"] and recorded["max_replicates"] >= options.max_replicates
    return enough and (looked or not options.until_settled)
