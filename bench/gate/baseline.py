"""A baseline on disk: text that a reviewer reads in a diff, with a checksum that reveals manual edits.

baseline.csv    one row a cell, replicate and metric, sorted; no times
float64.csv     one row a cell, replicate and quantity of the traces (`trace`); baselines of schema 1 have none
manifest.json   the experiment, the configuration of every cell, where it was recorded, the commit, the reasons
gate.toml       exceptions, written by hand (`exceptions`); not covered by the checksum
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.gate import exceptions
from bench.gate.errors import NotComparable
from bench.gate.exceptions import Exemption, read_exceptions
from bench.gate.replicates import CellName, CellTraining
from bench.gate.trace import Trace
from bench.records.atomic import write_atomically
from bench.records.schema import Record, digest

SCHEMA = 2
READABLE = (1, 2)  # schema 1 has no traces
KIND = "baseline of bench"
TABLE = "baseline.csv"
TRACES = "float64.csv"
MANIFEST = "manifest.json"
COLUMNS = ("task", "model", "replicate", "metric", "value")
TRACE_COLUMNS = ("task", "model", "replicate", "quantity", "value")

Replicates = Mapping[int, CellTraining]


@dataclass(frozen=True)
class BaselineCell:
    """A cell of a baseline. configuration: the settings that two comparable trainings have in common.

    traces: the first steps of some replicates in float64; none in a baseline of schema 1.
    """

    name: CellName
    configuration: Mapping[str, Any]
    replicates: Replicates
    traces: Mapping[int, Trace] = field(default_factory=dict)


@dataclass(frozen=True)
class Reason:
    """An entry of a baseline's history: when, from which commit and why it was recorded."""

    date: str
    commit: str | None
    why: str


@dataclass(frozen=True)
class Baseline:
    """A recorded baseline.

    experiment: its settings, as in `experiment.json`. environment, fingerprint: where it was recorded.
    """

    experiment: Mapping[str, Any]
    environment: Mapping[str, Any]
    fingerprint: str
    cells: Mapping[CellName, BaselineCell]
    history: tuple[Reason, ...]
    exceptions: Mapping[CellName, Exemption] = field(default_factory=dict)

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


def write_baseline(folder: Path, baseline: Baseline) -> None:
    """Write all files, and a commented `gate.toml` if there is none. Raises OSError if writing fails."""
    table, traces = _to_csv(baseline.cells), _traces_to_csv(baseline.cells)
    manifest = {
        "kind": KIND,
        "schema": SCHEMA,
        "experiment": dict(baseline.experiment),
        "environment": dict(baseline.environment),
        "environment_fingerprint": baseline.fingerprint,
        "cells": [
            {"task": name.task, "model": name.model, **cell.configuration} for name, cell in baseline.cells.items()
        ],
        "history": [vars(reason) for reason in baseline.history],
    }
    manifest["checksum"] = _checksum(manifest, table, traces)
    write_atomically(folder / TABLE, table)
    write_atomically(folder / TRACES, traces)
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    if not (folder / exceptions.NAME).exists():
        write_atomically(folder / exceptions.NAME, exceptions.EMPTY)


def is_baseline(folder: Path) -> bool:
    """Return whether the folder holds a baseline, intact or not."""
    return (folder / MANIFEST).exists() or (folder / TABLE).exists()


def read_baseline(folder: Path) -> Baseline:
    """Read a folder's baseline. Raises NotComparable if there is none, its schema differs, or it was edited by hand."""
    record = f"python -m bench baseline record {folder}"
    if not is_baseline(folder):
        raise NotComparable(f"there is no baseline in {folder}: record one with {record}")
    manifest, table = _read_manifest(folder / MANIFEST, record), _read_text(folder / TABLE, record)
    traces = _read_text(folder / TRACES, record) if manifest["schema"] > 1 else None
    if manifest.get("checksum") != _checksum(manifest, table, traces):
        raise NotComparable(
            f"{folder} was edited by hand, or its recording was interrupted: the checksum does not match the content. "
            f'Restore it, or record it again ({record} --accept "why"); exceptions belong in {exceptions.NAME}'
        )
    cells = _cells(manifest["cells"], table, folder / TABLE)
    if traces is not None:
        cells = _with_traces(cells, traces, folder / TRACES)
    found = read_exceptions(folder)
    for name in found:
        if name not in cells:
            known = ", ".join(str(cell) for cell in cells)
            raise NotComparable(
                f"{folder / exceptions.NAME} names {name}, which the baseline does not have: expected one of {known}"
            )
    history = tuple(Reason(**entry) for entry in manifest["history"])
    return Baseline(
        manifest["experiment"],
        manifest["environment"],
        manifest["environment_fingerprint"],
        cells,
        history,
        found,
    )


def _checksum(manifest: Mapping[str, Any], *tables: str | None) -> str:
    """SHA-256 of the manifest and the tables, independent of line endings (git may convert them)."""
    content = {key: value for key, value in manifest.items() if key != "checksum"}
    hashes = [
        hashlib.sha256("\n".join(table.splitlines()).encode()).hexdigest() for table in tables if table is not None
    ]
    return digest([content, *hashes])


def _read_text(path: Path, record: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotComparable(f"{path} is missing: restore it, or record the baseline again with {record}") from None
    except UnicodeDecodeError:
        raise NotComparable(
            f"{path} is not UTF-8 text: restore it, or record the baseline again with {record}"
        ) from None


def _read_manifest(path: Path, record: str) -> dict[str, Any]:
    try:
        manifest = json.loads(_read_text(path, record))
    except ValueError as error:
        raise NotComparable(
            f"{path} is not valid JSON: {error}. Restore it, or record the baseline again with {record}"
        ) from None
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise NotComparable(
            f"{path} is not a baseline's manifest: expected kind '{KIND}'. Record a baseline with {record}"
        )
    schema = manifest.get("schema")
    if schema not in READABLE:
        raise NotComparable(
            f"{path.parent} has baseline schema {schema}, this bench compares schemas up to {SCHEMA}: install the "
            f'bench that recorded it, or record it again with {record} --accept "new schema"'
        )
    return manifest


def _to_csv(cells: Mapping[CellName, BaselineCell]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, cell in sorted(cells.items()):
        for number, replicate in sorted(cell.replicates.items()):
            for metric, value in sorted(replicate.rows().items()):
                writer.writerow((*name, number, metric, value))
    return text.getvalue()


def _traces_to_csv(cells: Mapping[CellName, BaselineCell]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TRACE_COLUMNS)
    for name, cell in sorted(cells.items()):
        for number, trace in sorted(cell.traces.items()):
            for quantity, value in sorted(trace.items()):
                writer.writerow((*name, number, quantity, repr(value)))
    return text.getvalue()


def _with_traces(cells: Mapping[CellName, BaselineCell], table: str, path: Path) -> dict[CellName, BaselineCell]:
    found: dict[CellName, dict[int, dict[str, float]]] = {}
    try:
        for row in csv.DictReader(io.StringIO(table)):
            trace = found.setdefault(CellName(row["task"], row["model"]), {}).setdefault(int(row["replicate"]), {})
            trace[row["quantity"]] = float(row["value"])
    except (KeyError, ValueError, TypeError) as error:
        raise NotComparable(f"{path} has a row that is not a row of a trace ({error!r}): restore it") from None
    return {name: replace(cell, traces=found.get(name, {})) for name, cell in cells.items()}


def _cells(configurations: list[dict[str, Any]], table: str, path: Path) -> dict[CellName, BaselineCell]:
    rows: dict[CellName, dict[int, dict[str, str]]] = {}
    try:
        for row in csv.DictReader(io.StringIO(table)):
            name = CellName(row["task"], row["model"])
            rows.setdefault(name, {}).setdefault(int(row["replicate"]), {})[row["metric"]] = row["value"]
        cells = {}
        for entry in configurations:
            name = CellName(entry["task"], entry["model"])
            values = {key: value for key, value in entry.items() if key not in ("task", "model")}
            replicates = {number: CellTraining.from_rows(number, metrics) for number, metrics in rows[name].items()}
            cells[name] = BaselineCell(name, values, replicates)
    except (KeyError, ValueError) as error:
        raise NotComparable(f"{path} lacks rows that the manifest names ({error!r}): restore it") from None
    return cells
