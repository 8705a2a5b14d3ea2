"""A baseline: trainings that were recorded once, which later ones are compared with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.gate.exceptions import Exemption
from bench.gate.replicates import CellName, CellTraining
from bench.gate.tables import Sketches
from bench.gate.trace import Trace
from bench.records.schema import Record

SCHEMA = 3
LACKS = {  # by schema: what a check cannot do with it
    1: "no first steps in float64, which show a change on any machine",
    2: "no learning curves and no values of initial weights and data: one crossing is compared in place of the whole "
    "curve, and a cell whose initial weights another processor rounds otherwise is not paired",
}

Replicates = Mapping[int, CellTraining]


@dataclass(frozen=True)
class BaselineCell:
    """A cell of a baseline. configuration: the settings that two comparable trainings have in common.

    traces: the first steps of some replicates in float64; none in a baseline of schema 1. sketches: of what replicates
    start from; none in a baseline of schema 1 or 2.
    """

    name: CellName
    configuration: Mapping[str, Any]
    replicates: Replicates
    traces: Mapping[int, Trace] = field(default_factory=dict)
    sketches: Mapping[int, Sketches] = field(default_factory=dict)


@dataclass(frozen=True)
class Reason:
    """An entry of a baseline's history: when, from which commit and why it was recorded."""

    date: str
    commit: str | None
    why: str


@dataclass(frozen=True)
class Baseline:
    """A recorded baseline.

    experiment: its settings, as in `experiment.json`. environment, fingerprint: where it was recorded. config: the file
    that the experiment was read from (`this_code.config_file`); None for a recipe and in older baselines.
    """

    experiment: Mapping[str, Any]
    environment: Mapping[str, Any]
    fingerprint: str
    cells: Mapping[CellName, BaselineCell]
    history: tuple[Reason, ...]
    exceptions: Mapping[CellName, Exemption] = field(default_factory=dict)
    schema: int = SCHEMA
    config: Mapping[str, Any] | None = None

    @property
    def lacks(self) -> list[str]:
        """What a baseline of an older schema does not have, and what that costs."""
        return [text for schema, text in LACKS.items() if self.schema <= schema]

    @property
    def recorded(self) -> int:
        """The number of replicates of the cell that has fewest."""
        return min(len(cell.replicates) for cell in self.cells.values())

    @property
    def has_traces(self) -> bool:
        """Whether cells can be compared in float64."""
        return any(cell.traces for cell in self.cells.values())


def configuration(record: Record) -> dict[str, Any]:
    """Return the settings that two comparable trainings have in common.

    Versions of task and model are included but may differ; the trainings are then compared without pairing.
    """
    task, model, training = record["task"], record["model"], record["training"]
    sizes = {key: model.get(key) for key in ("hidden_size", "num_layers", "dropout", "init")}
    settings = ("learning_rate", "batch_size", "steps", "weight_decay", "clip_norm", "plateau_patience", "seed")
    return {
        "task_version": task["version"],
        "model_version": model["version"],
        **sizes,
        **{key: training.get(key) for key in (*settings, "evaluation_interval", "dtype")},
        **{key: training[key] for key in ("optimizer", "schedule", "warmup") if key in training},
        "target": record["target"],
    }


def cells_of(records: list[Record]) -> dict[CellName, BaselineCell]:
    """Group the records of confirmed trainings into cells, sorted by name."""
    found: dict[CellName, dict[int, CellTraining]] = {}
    configurations: dict[CellName, dict[str, Any]] = {}
    for record in records:
        name = CellName(record["task"]["label"], record["model"]["label"])
        found.setdefault(name, {})[record["replicate"]] = CellTraining.of(record)
        configurations.setdefault(name, configuration(record))
    return {
        name: BaselineCell(name, configurations[name], dict(sorted(replicates.items())))
        for name, replicates in sorted(found.items())
    }


def record_command(folder: Path | str, *, why: str = "why", experiment: str = "") -> str:
    """The command that records the baseline of a folder again. experiment: options that say which, if it is unknown."""
    parts = ["python -m bench baseline record", shlex.quote(str(folder)), experiment, f'--accept "{why}"']
    return " ".join(part for part in parts if part)


def record_again(folder: Path | str) -> str:
    """Say how to record the baseline of a folder once more."""
    return f"record it again with {record_command(folder)}"
