"""Trainings of a baseline's cells as JSON, and training them under a change.

    python tests/calibration/trained.py results/baseline "every tenth step skipped" OUT [CELLS]

NAME: of a fault of tests/mutants, or `REDRAWN`, with which every training has other batches. OUT gets all 24 replicates
of the cells (those that the fault affects, unless CELLS are given).
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.gate import tables
from bench.gate.baseline import Replicates
from bench.gate.replicates import CellName, CellTraining
from bench.gate.rule import RECORDED

REDRAWN = "another order of batches"
MUTANTS = Path(__file__).parents[1] / "mutants"

Trained = dict[CellName, dict[int, CellTraining]]


def as_json(cells: Mapping[CellName, Replicates]) -> dict[str, str]:
    return {"trainings": tables.write_trainings(cells), "curves": tables.write_curves(cells)}


def from_json(content: Mapping[str, str]) -> Trained:
    return tables.with_curves(tables.read_trainings(content["trainings"]), content["curves"])


def redraw_batches() -> None:
    """Give every training the batches of another seed: the same code, on another trajectory from the first step on."""
    import bench.training.data as data

    original = data._batch_generator
    data._batch_generator = lambda training: original(replace(training, seed=training.seed + 1))


def apply(name: str) -> str:
    """Apply a change to this process for good. Returns the cells that it affects."""
    if name == REDRAWN:
        redraw_batches()
        return "*/*"
    sys.path.insert(0, str(MUTANTS))
    from second import MUTANTS as FAULTS

    (mutant,) = [mutant for mutant in FAULTS if mutant.name == name]
    mutant.apply()
    cells: str = mutant.cells
    return cells


def train(folder: Path, name: str, chosen: str | None) -> Mapping[CellName, Replicates]:
    from bench.executors.inline import InlineExecutor
    from bench.experiment.observer import Observer
    from bench.gate.baseline_files import read_baseline
    from bench.gate.selection import select
    from bench.gate.this_code.check_code import experiment_of
    from bench.gate.this_code.session import Session

    affected = apply(name)
    baseline = read_baseline(folder)
    with tempfile.TemporaryDirectory() as results:
        experiment = experiment_of(baseline, {"results": results, "device": "cpu"}, folder=str(folder))
        with Session(experiment, Observer(), InlineExecutor()) as session:
            return session.train(select(chosen or affected, baseline.cells), range(1, RECORDED + 1))


def main() -> None:
    folder, name, out, *cells = sys.argv[1:]
    found: Any = as_json(train(Path(folder), name, cells[0] if cells else None))
    Path(out).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
