"""Tasks of one kind that differ in one number, such as copy's delay: what a harder task takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.analysis.recorded import Recorded
from bench.records.schema import label
from bench.records.schema import trainings as trainings_of

FEWEST = 3  # tasks that make a line


@dataclass(frozen=True)
class Ladder:
    """Tasks of one kind that differ in one number: (its value, the task's label), ascending."""

    kind: str
    parameter: str
    steps: tuple[tuple[float, str], ...]


def ladders(results: Recorded) -> list[Ladder]:
    """Those of an experiment; none where tasks differ in more than one parameter, or in one that is no number."""
    kinds: dict[str, dict[str, dict[str, Any]]] = {}
    for record in trainings_of(results.records):
        task = record.get("task") or {}
        if task.get("name"):
            kinds.setdefault(str(task["name"]), {})[label(task)] = task.get("parameters") or {}
    found = []
    for kind, tasks in kinds.items():
        names = {name for parameters in tasks.values() for name in parameters}
        varied = [name for name in sorted(names) if len({str(p.get(name)) for p in tasks.values()}) > 1]
        values = [parameters.get(varied[0]) for parameters in tasks.values()] if len(varied) == 1 else []
        if len(values) >= FEWEST and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
            found.append(Ladder(kind, varied[0], tuple(sorted(zip(map(float, values), tasks, strict=True)))))  # type: ignore[arg-type]
    return found
