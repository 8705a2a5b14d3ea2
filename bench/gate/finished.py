"""A finished check, or a finished recording of a baseline, as the source of a check: nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.analysis.results import Results
from bench.gate.baseline import Replicates, cells_of
from bench.gate.errors import NotComparable
from bench.gate.exact import ExactProblem
from bench.gate.kept import read_kept
from bench.gate.replicates import CellName
from bench.gate.start import Starts
from bench.gate.trace import Trace
from bench.records.schema import Record


class Finished:
    """The trainings of an earlier check or of `baseline record`, and what it kept beside them (`bench.gate.kept`).

    Raises NotComparable for an experiment of `bench run`, and if there are no trainings or several comparisons.
    """

    def __init__(self, results: Results) -> None:
        self.name = f"experiment {results.name}"
        records = [record for record in results.records if record["stage"] == "confirm"]
        if any(not record["training"].get("stop_at_target") for record in records) or (results.records and not records):
            raise NotComparable(
                f"{self.name} is one of bench run, whose trainings are evaluated at other steps than the baseline's: "
                "expected the trainings of a check (--against check) or of baseline record (--against baseline-run)"
            )
        matches = sorted({str(record["match"]) for record in records})
        if len(matches) != 1:
            raise NotComparable(
                f"{self.name} has {len(matches)} comparisons ({', '.join(matches) or 'no trainings'}), expected one: "
                "check the baseline again without --against"
            )
        self.fingerprint = _fingerprint(results, records)
        self._cells = cells_of(_last(records))
        self._kept = read_kept(results.folder) if results.folder else {}

    @property
    def configurations(self) -> Mapping[CellName, Mapping[str, Any]]:
        return {name: cell.configuration for name, cell in self._cells.items()}

    def train(self, cells: Sequence[CellName], numbers: Sequence[int]) -> Mapping[CellName, Replicates]:
        """Return those of the replicates that the experiment has."""
        return {
            name: {number: self._cells[name].replicates[number] for number in numbers if self._has(name, number)}
            for name in cells
            if name in self._cells
        }

    def traces(self, cells: Sequence[CellName]) -> Mapping[CellName, Mapping[int, Trace]]:
        """Return the first steps in float64 that were kept."""
        return {name: self._kept[name].traces for name in cells if name in self._kept and self._kept[name].traces}

    def sketches(self, wanted: Mapping[CellName, Sequence[int]]) -> Starts:
        """Return the sketches that were kept: a check keeps those of the replicates whose hashes differ."""
        return {name: self._kept[name].sketches for name in wanted if name in self._kept}

    def exact_problems(self, cells: Sequence[CellName]) -> Mapping[CellName, list[ExactProblem]]:
        """Return what was found when NumPy cells were compared with torch's."""
        return {name: self._kept[name].problems for name in cells if name in self._kept}

    def _has(self, name: CellName, number: int) -> bool:
        return number in self._cells[name].replicates


def _fingerprint(results: Results, records: Sequence[Record]) -> str | None:
    """Of the environment in which all was trained; None if there were several, or it is unknown.

    Each record has it as well: the manifest of an earlier bench's check lacks it.
    """
    named = [results.manifest.get("environment_fingerprint"), *(record.get("environment") for record in records)]
    found = {str(name) for name in named if name}
    return found.pop() if len(found) == 1 else None


def _last(records: Sequence[Record]) -> list[Record]:
    """Keep the last record of each training that was attempted several times."""
    places = {(r["task"]["label"], r["model"]["label"], r["replicate"]): r for r in records}
    return list(places.values())
