"""What alarms about single tasks share: the selected trainings of each model there, and how a sentence begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.alarms.alarm import Alarm
from bench.analysis.labels import place
from bench.analysis.recorded import Recorded
from bench.analysis.selected import typical_losses
from bench.records.schema import Record, label


@dataclass(frozen=True)
class ResultsOnTask:
    """The trainings that a task's results are made of, of one comparison.

    where: "On sine". trainings: by model, those that ended well. best: the model with the lowest typical loss.
    """

    match: str
    task: str
    where: str
    trainings: Mapping[str, Sequence[Record]]
    best: str

    def alarm(self, said: str) -> Alarm:
        """`said` without its full stop, as a sentence about this task."""
        return Alarm(f"{self.where}, {said}.", self.task)


def results_by_task(results: Recorded) -> list[ResultsOnTask]:
    """One for each comparison and task that has a result."""
    found: dict[tuple[str, str], dict[str, list[Record]]] = {}
    for record in results.selected_records:
        if record.get("status") == "ok":
            names = str(record.get("match")), label(record.get("task"))
            found.setdefault(names, {}).setdefault(label(record.get("model")), []).append(record)
    several = len(results.matches) > 1
    return [
        ResultsOnTask(match, task, place(task, match, several), own, next(iter(typical_losses(results, match, task))))
        for (match, task), own in found.items()
    ]
