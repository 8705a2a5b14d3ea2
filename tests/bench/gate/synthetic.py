"""Baselines without any training: records whose curves reach their target exactly where they are told to.

`from synthetic import …` (this folder is on pytest's path). All is made of records, as real baselines are, so that
a baseline and an experiment of the same cells have equal configurations:

    write(tmp_path / "baseline")                                      # 3 cells, 24 replicates
    write(tmp_path / "baseline", [cell("sine", "gru", slower=1.2)])   # 20 % more steps to target
    write_experiment(tmp_path / "results", "nightly", …)              # for `check --against nightly`
    check(baseline(), Code([cell(…), …]), folder="b")                 # a check without a folder
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.gate.baseline import Baseline, BaselineCell, Reason, Replicates, cells_of
from bench.gate.baseline_files import write_baseline
from bench.gate.exact import ExactProblem
from bench.gate.replicates import CellName
from bench.gate.sketch import PROJECTIONS, Sketch
from bench.gate.start import QUANTITIES, Starts
from bench.gate.tables import Sketches
from bench.gate.trace import Trace

FINGERPRINT = "e1"
THRESHOLD = 1e-3  # a validation loss below it counts as solved; it is 1 at the start
BUDGET = 1500  # steps of a training, 30 between evaluations
INTERVAL = 30
REPLICATES = 24
CELLS = (("copy", "gru"), ("sine", "gru"), ("sine", "lstm"))

Record = dict[str, Any]

TRACES: Mapping[int, Trace] = {
    1: {"train_loss_step_01": 0.5, "gradient_norm_step_01": 2.0},
    2: {"train_loss_step_01": 0.4},
}


def record(
    task: str,
    model: str,
    replicate: int,
    steps_to_target: float | None,
    *,
    status: str = "ok",
    weights: str = "w",
    first_batch: str = "b",
    data: str = "d",
    first_loss: float = 1.0,
    recurrent: int = 3264,
    head: int = 33,
    hidden_size: int = 32,
    task_version: int = 1,
    model_version: int = 1,
    loss_factor: float = 1.0,
) -> Record:
    """One training of the confirm stage. steps_to_target: None misses the target; its loss then ends at a tenth,
    times `loss_factor` (leave that at 1 for one that arrives).

    weights, first_batch, data: parts of the hashes; the replicate and the task or cell are always parts of them.
    """
    speed = math.log10(THRESHOLD) / steps_to_target if steps_to_target is not None else -1 / BUDGET
    step = np.arange(0, BUDGET + 1, INTERVAL)
    if steps_to_target is not None:
        step = step[: min(len(step), math.ceil(steps_to_target / INTERVAL) + 1)]
    loss = [float(10 ** (speed * s)) * loss_factor for s in step]
    reached = steps_to_target is not None and steps_to_target <= BUDGET
    first = [1, 2, 5, 10, 20, 30, 40, 50]
    settings = {"learning_rate": 0.01, "batch_size": 64, "steps": BUDGET, "weight_decay": 0.0, "clip_norm": 1.0}
    return {
        "schema": 1,
        "key": _hash(task, model, replicate, steps_to_target, weights, first_batch, data, first_loss),
        "experiment": "synthetic",
        "budget": "quick",
        "stage": "confirm",
        "match": "hidden",
        "task": {"name": task, "label": task, "version": task_version, "parameters": {}},
        "model": {
            "name": model,
            "label": model,
            "version": model_version,
            "parameters": {},
            "hidden_size": hidden_size,
            "num_layers": 1,
            "dropout": 0.0,
            "init": "default",
        },
        "training": {
            **settings,
            "plateau_patience": None,
            "evaluation_interval": None,
            "seed": 0,
            "device": "cpu",
            "dtype": "float32",
            "stop_at_target": True,
        },
        "trial": None,
        "replicate": replicate,
        "status": status,
        "error": None if status == "ok" else "the loss is no number",
        "target": {"metric": "loss", "threshold": THRESHOLD, "direction": "below"},
        "curve": {
            "step": step.tolist(),
            "train_loss": loss,
            "valid_loss": loss,
            "valid_metric": loss,
            "learning_rate": [0.01] * len(loss),
        },
        "first_losses": {"step": first, "train_loss": [first_loss * 0.99**s for s in first]},
        "steps_to_target": steps_to_target if reached else None,
        "parameters": {"recurrent": recurrent, "head": head, "total": recurrent + head},
        "environment": FINGERPRINT,
        "hashes": {
            "weights": _hash("weights", weights, model, replicate),
            "first_batch": _hash("first batch", first_batch, task, replicate),
            "data": _hash("data", data, task, replicate),
        },
    }


def cell(
    task: str = "sine",
    model: str = "gru",
    *,
    replicates: int | Sequence[int] = REPLICATES,
    slower: float = 1.0,
    jitter: float = 0.01,
    draw: int = 0,
    missed: Sequence[int] = (),
    **changes: Any,
) -> list[Record]:
    """The records of one cell. Each replicate has a speed of its own (spread 15 %), which every call repeats.

    slower: ratio of steps to target. jitter: spread of what differs from call to call, where `draw` does. missed:
    replicates that do not reach the target. changes: as for `record`.
    """
    numbers = range(1, replicates + 1) if isinstance(replicates, int) else replicates
    records = []
    for number in numbers:
        own = _normal("speed", task, model, number) * 0.15
        noise = _normal("draw", draw, task, model, number) * jitter if draw else 0.0
        steps = None if number in missed else 400 * slower * math.exp(own + noise)
        records.append(record(task, model, number, steps, **changes))
    return records


def cells(names: Sequence[tuple[str, str]] = CELLS, **changes: Any) -> list[list[Record]]:
    """A cell for each of `names`, all alike but for their replicates' speeds; changes: as for `cell`."""
    return [cell(task, model, **changes) for task, model in names]


def baseline(records: Sequence[Sequence[Record]] | None = None, **changes: Any) -> Baseline:
    """A baseline of these cells (`CELLS`). changes: to the fields of `Baseline`."""
    found = cells_of([entry for part in (cells() if records is None else records) for entry in part])
    made = {
        name: replace(cell, traces=TRACES, sketches={number: sketches(cell, number) for number in cell.replicates})
        for name, cell in found.items()
    }
    tasks, models = (list(dict.fromkeys(name[side] for name in made)) for side in (0, 1))
    experiment = {
        "models": models,
        "tasks": tasks,
        "match": ["hidden"],
        "hidden_sizes": [32],
        "layers": [1],
        "lr_range": [0.01, 0.01],
        "steps": BUDGET,
    }
    environment = {"python": "3.11.9", "cpu": "Example CPU", "isa": "AVX2", "commit": "0123456789abcdef"}
    history = (Reason("2026-01-02", "0123456789abcdef", "first baseline"),)
    return replace(Baseline(experiment, environment, FINGERPRINT, made, history), **changes)


def sketches(cell: BaselineCell, number: int, scale: float = 1.0) -> Sketches:
    """Sketches that follow from the hashes of a replicate, all of whose values are scaled."""
    found = {}
    for name in QUANTITIES:
        content = getattr(cell.replicates[number], name)
        numbers = [round(scale * _normal("sketch", content, place), 6) for place in range(PROJECTIONS)]
        found[name] = Sketch(100, scale, tuple(numbers))
    return found


def write(folder: Path, records: Sequence[Sequence[Record]] | None = None, **changes: Any) -> Path:
    """Write a baseline into the folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_baseline(folder, baseline(records, **changes))
    return folder


def write_experiment(
    results: Path, name: str, records: Sequence[Sequence[Record]] | None = None, *, fingerprint: str = FINGERPRINT
) -> Path:
    """Write `results/name` as a finished experiment of these cells (`CELLS`), and return `results`."""
    home = results / name
    home.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(entry) + "\n" for part in (cells() if records is None else records) for entry in part]
    (home / "records.jsonl").write_text("".join(lines), encoding="utf-8")
    manifest = {"name": name, "status": "complete", "experiment": {}, "environment_fingerprint": fingerprint}
    (home / "experiment.json").write_text(json.dumps(manifest), encoding="utf-8")
    return results


class Code:
    """A source for `bench.gate.check`: code whose trainings give these records. `asked` keeps what it was asked for."""

    name = "this code"

    def __init__(
        self,
        records: Sequence[Sequence[Record]] | None = None,
        *,
        fingerprint: str = FINGERPRINT,
        problems: Mapping[CellName, list[ExactProblem]] | None = None,
        traces: Mapping[CellName, Mapping[int, Trace]] | None = None,
        sketches: Starts | None = None,
    ) -> None:
        self.fingerprint: str | None = fingerprint
        self._cells = cells_of([entry for part in (cells() if records is None else records) for entry in part])
        self._problems = problems or {}
        self._traces = dict.fromkeys(self._cells, TRACES) if traces is None else traces
        self._sketches = sketches or {}
        self.asked: list[tuple[tuple[CellName, ...], tuple[int, ...]]] = []

    @property
    def configurations(self) -> Mapping[CellName, Mapping[str, Any]]:
        return {name: found.configuration for name, found in self._cells.items()}

    def train(self, cells: Sequence[CellName], numbers: Sequence[int]) -> Mapping[CellName, Replicates]:
        self.asked.append((tuple(cells), tuple(numbers)))
        return {
            name: {n: self._cells[name].replicates[n] for n in numbers if n in self._cells[name].replicates}
            for name in cells
            if name in self._cells
        }

    def traces(self, cells: Sequence[CellName]) -> Mapping[CellName, Mapping[int, Trace]]:
        return {name: found for name, found in self._traces.items() if name in cells}

    def sketches(self, wanted: Mapping[CellName, Sequence[int]]) -> Starts:
        return {
            name: {number: self._sketches.get(name, {}).get(number, {}) for number in numbers}
            for name, numbers in wanted.items()
        }

    def exact_problems(self, cells: Sequence[CellName]) -> Mapping[CellName, list[ExactProblem]]:
        return {name: found for name, found in self._problems.items() if name in cells}


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _normal(*parts: object) -> float:
    return float(np.random.default_rng(int(_hash(*parts)[:15], 16)).normal())
