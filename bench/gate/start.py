"""What trainings start from: initial weights, first batch and data, compared with the baseline's by value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from bench.gate.baseline import BaselineCell, Replicates
from bench.gate.replicates import CellName, CellTraining
from bench.gate.sketch import ALIKE
from bench.gate.tables import Sketches

QUANTITIES = ("weights", "first_batch", "data")

Starts = Mapping[CellName, Mapping[int, Sketches]]


class SketchSource(Protocol):
    """Sketches what replicates start from."""

    def sketches(self, wanted: Mapping[CellName, Sequence[int]]) -> Starts:
        """Sketch the starts of these replicates; a source that cannot run the code has none."""
        ...


def with_equal_starts(
    cells: Mapping[CellName, BaselineCell], new: Mapping[CellName, Replicates], source: SketchSource
) -> dict[CellName, dict[int, CellTraining]]:
    """The new replicates, in which what differs from the baseline's by rounding alone has the baseline's hash.

    Only replicates whose hashes differ are sketched.
    """
    wanted = {
        name: numbers
        for name, replicates in new.items()
        if (numbers := [number for number in replicates if _differs(cells[name], replicates[number])])
        and cells[name].sketches
    }
    found = source.sketches(wanted) if wanted else {}
    return {
        name: {
            number: _settled(cells[name], training, found.get(name, {}).get(number, {}))
            for number, training in replicates.items()
        }
        for name, replicates in new.items()
    }


def distance(before: Sketches, now: Sketches, quantity: str) -> float:
    """The relative distance of two starts; infinite where a sketch is missing."""
    if quantity not in before or quantity not in now:
        return math.inf
    return before[quantity].distance(now[quantity])


def _differs(cell: BaselineCell, training: CellTraining) -> bool:
    before = cell.replicates.get(training.number)
    return before is not None and any(
        getattr(training, name) and getattr(before, name) != getattr(training, name) for name in QUANTITIES
    )


def _settled(cell: BaselineCell, training: CellTraining, sketches: Sketches) -> CellTraining:
    before, known = cell.replicates.get(training.number), cell.sketches.get(training.number, {})
    if before is None:
        return training
    alike = {
        name: getattr(before, name) for name in QUANTITIES if sketches and distance(known, sketches, name) <= ALIKE
    }
    return replace(training, **alike)
