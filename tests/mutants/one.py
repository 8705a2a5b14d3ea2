"""Check one mutant against a baseline, as JSON on stdout: python tests/mutants/one.py NUMBER BASELINE RESULTS."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from catalogue import MUTANTS

from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.observer import Observer
from bench.gate.baseline import Replicates
from bench.gate.baseline_files import read_baseline
from bench.gate.check import check
from bench.gate.formats import write
from bench.gate.replicates import CellName
from bench.gate.selection import select
from bench.gate.this_code.session import Session


class Remembered:
    """A session whose trainings are kept, so that one training serves two checks; seen from another machine or not."""

    def __init__(self, session: Session, fingerprint: str) -> None:
        self._session, self.fingerprint, self.name = session, fingerprint, session.name
        self.configurations = session.configurations
        self._known: dict[tuple[CellName, int], Any] = {}

    def train(self, cells: Sequence[CellName], numbers: Sequence[int]) -> Mapping[CellName, Replicates]:
        new = [name for name in cells if any((name, number) not in self._known for number in numbers)]
        for name, replicates in (self._session.train(new, numbers) if new else {}).items():
            self._known |= {(name, number): replicate for number, replicate in replicates.items()}
        return {name: {number: self._known[name, number] for number in numbers} for name in cells}

    def traces(self, cells: Sequence[CellName]) -> Mapping[CellName, Any]:
        return self._session.traces(cells)

    def sketches(self, wanted: Mapping[CellName, Sequence[int]]) -> Mapping[CellName, Any]:
        return self._session.sketches(wanted)

    def exact_problems(self, cells: Sequence[CellName]) -> Mapping[CellName, Any]:
        return self._session.exact_problems(cells)


def main() -> None:
    mutant, folder, results = MUTANTS[int(sys.argv[1])], Path(sys.argv[2]), sys.argv[3]
    baseline = read_baseline(folder)
    mutant.apply()
    experiment = resolve({"name": "check", "results": results, "device": "cpu"}, baseline.experiment)
    only = select(mutant.cells, baseline.cells)
    with Session(experiment, Observer(), InlineExecutor()) as session:
        source = Remembered(session, baseline.fingerprint)
        here = json.loads(write(check(baseline, source, folder=str(folder), only=only), "json"))
        source.fingerprint = "elsewhere"
        elsewhere = json.loads(write(check(baseline, source, folder=str(folder), only=only), "json"))
    print(json.dumps({"name": mutant.name, "here": here, "elsewhere": elsewhere}))


if __name__ == "__main__":
    main()
