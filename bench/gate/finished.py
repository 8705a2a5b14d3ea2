"""A finished experiment as the source of a check: nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.analysis.results import Results
from bench.gate.baseline import Replicates, cells_of
from bench.gate.errors import NotComparable
from bench.gate.exact import ExactProblem
from bench.gate.replicates import CellName
from bench.gate.start import Starts
from bench.gate.trace import Trace
from bench.records.schema import Record


class Finished:
    """The confirmed trainings of an experiment.

    Raises NotComparable if there are none, or if the experiment has several comparisons.
    """

    def __init__(self, results: Results) -> None:
        self.name = f"experiment {results.name}"
        self.fingerprint: str | None = results.manifest.get("environment_fingerprint")
        records = [record for record in results.records if record["stage"] == "confirm"]
        matches = sorted({str(record["match"]) for record in records})
        if len(matches) != 1:
            raise NotComparable(
                f"experiment {results.name} has {len(matches)} comparisons ({', '.join(matches) or 'no trainings'}), "
                "a check needs one: run it with a single --match, one size and one learning rate"
            )
        self._cells = cells_of(_last(records))

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
        """Return nothing: a finished experiment is not run."""
        return {}

    def sketches(self, wanted: Mapping[CellName, Sequence[int]]) -> Starts:
        """Return nothing: records have hashes alone."""
        return {}

    def exact_problems(self, cells: Sequence[CellName]) -> Mapping[CellName, list[ExactProblem]]:
        """Return nothing: NumPy cells can be compared with torch's only by running both."""
        return {}

    def _has(self, name: CellName, number: int) -> bool:
        return number in self._cells[name].replicates


def _last(records: Sequence[Record]) -> list[Record]:
    """Keep the last record of each training that was attempted several times."""
    places = {(r["task"]["label"], r["model"]["label"], r["replicate"]): r for r in records}
    return list(places.values())
