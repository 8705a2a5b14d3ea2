"""A baseline on disk: text that a reviewer reads in a diff, with a checksum that reveals manual edits.

four tables     of trainings, their curves, what they start from, and their first steps in float64 (`tables`)
manifest.json   the experiment, the configuration of every cell, where it was recorded, the commit, the reasons
gate.toml       exceptions, written by hand (`exceptions`); not covered by the checksum
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.gate import exceptions, tables
from bench.gate.baseline import SCHEMA, Baseline, BaselineCell, Reason, record_again, record_command
from bench.gate.errors import NotComparable
from bench.gate.exceptions import read_exceptions
from bench.gate.replicates import CellName
from bench.gate.tables import DamagedTableError
from bench.records.atomic import write_atomically, written_atomically
from bench.records.schema import digest

KIND = "baseline of bench"
TABLE = "baseline.csv"
TRACES = "float64.csv"
CURVES = "curves.csv"
SKETCHES = "initial.csv"
MANIFEST = "manifest.json"
FILES = {1: (TABLE,), 2: (TABLE, TRACES), 3: (TABLE, TRACES, CURVES, SKETCHES)}  # by schema: the tables that it has


def write_baseline(folder: Path, baseline: Baseline) -> None:
    """Write all files, and a commented `gate.toml` if there is none. Raises OSError if writing fails.

    All content is on the disk before the first file takes its place, so a full disk or a kill leaves the old baseline.
    """
    trainings = {name: cell.replicates for name, cell in baseline.cells.items()}
    texts = {
        TABLE: tables.write_trainings(trainings),
        TRACES: tables.write_traces({name: cell.traces for name, cell in baseline.cells.items()}),
        CURVES: tables.write_curves(trainings),
        SKETCHES: tables.write_sketches({name: cell.sketches for name, cell in baseline.cells.items()}),
    }
    manifest = {
        "kind": KIND,
        "schema": SCHEMA,
        "experiment": dict(baseline.experiment),
        **({"config": dict(baseline.config)} if baseline.config else {}),
        "environment": dict(baseline.environment),
        "environment_fingerprint": baseline.fingerprint,
        "cells": [
            {"task": name.task, "model": name.model, **cell.configuration} for name, cell in baseline.cells.items()
        ],
        "history": [vars(reason) for reason in baseline.history],
    }
    manifest["checksum"] = _checksum(manifest, texts.values())
    texts[MANIFEST] = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    with ExitStack() as stack:
        for name, text in texts.items():
            file = stack.enter_context(written_atomically(folder / name))
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    if not (folder / exceptions.NAME).exists():
        write_atomically(folder / exceptions.NAME, exceptions.EMPTY)


def is_baseline(folder: Path) -> bool:
    """Return whether the folder holds a baseline, intact or not."""
    return (folder / MANIFEST).exists() or (folder / TABLE).exists()


def read_baseline(folder: Path) -> Baseline:
    """Read a folder's baseline. Raises NotComparable if there is none, its schema differs, or it was edited by hand."""
    if not is_baseline(folder):
        first = f"python -m bench baseline record {shlex.quote(str(folder))}"
        raise NotComparable(f"there is no baseline in {folder}: record one with {first}")
    manifest = read_manifest(folder)
    schema = manifest["schema"]
    again = record_command(folder)
    texts = {name: _read_text(folder / name, again) for name in FILES[schema]}
    if manifest.get("checksum") != _checksum(manifest, texts.values()):
        raise NotComparable(
            f"{folder} was edited by hand, or its recording was interrupted: the checksum does not match the content. "
            f"Restore it, or record it again with {again}; exceptions belong in {exceptions.NAME}"
        )
    cells = _cells(folder, manifest["cells"], texts)
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
        schema,
        manifest.get("config"),
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest alone, which may be intact where a table is not. Raises NotComparable."""
    path = folder / MANIFEST
    again = record_command(folder, experiment="--config FILE")
    try:
        manifest = json.loads(_read_text(path, again))
    except ValueError as error:
        raise NotComparable(
            f"{path} is not valid JSON: {error}. Restore it, or record the baseline again with {again}"
        ) from None
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise NotComparable(
            f"{path} is not a baseline's manifest: expected kind '{KIND}'. Record a baseline with {again}"
        )
    schema = manifest.get("schema")
    if schema not in FILES:
        raise NotComparable(
            f"{folder} has baseline schema {schema}, this bench compares schemas up to {SCHEMA}: install the "
            f"bench that recorded it, or record it again with {record_command(folder, why='new schema')}"
        )
    return manifest


def _checksum(manifest: Mapping[str, Any], texts: Iterable[str]) -> str:
    """SHA-256 of the manifest and the tables, independent of line endings (git may convert them)."""
    content = {key: value for key, value in manifest.items() if key != "checksum"}
    return digest([content, *(hashlib.sha256("\n".join(text.splitlines()).encode()).hexdigest() for text in texts)])


def _read_text(path: Path, again: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotComparable(f"{path} is missing: restore it, or record the baseline again with {again}") from None
    except UnicodeDecodeError:
        raise NotComparable(
            f"{path} is not UTF-8 text: restore it, or record the baseline again with {again}"
        ) from None
    except OSError as error:
        raise NotComparable(f"{path} cannot be read ({error.strerror}): make it readable, or restore it") from None


def _cells(
    folder: Path, configurations: list[dict[str, Any]], texts: Mapping[str, str]
) -> dict[CellName, BaselineCell]:
    """The cells of the manifest with their rows. texts: file name -> content, of the tables that the schema has."""
    name = TABLE
    try:
        trainings = tables.read_trainings(texts[name])
        if CURVES in texts:
            name = CURVES
            trainings = tables.with_curves(trainings, texts[name])
        name = TRACES
        traces = tables.read_traces(texts[name]) if name in texts else {}
        name = SKETCHES
        sketches = tables.read_sketches(texts[name]) if name in texts else {}
    except DamagedTableError as error:
        raise NotComparable(f"{folder / name}: {error}. Restore it, or {record_again(folder)}") from None
    cells: dict[CellName, BaselineCell] = {}
    for entry in configurations:
        cell = CellName(entry["task"], entry["model"])
        values = {key: value for key, value in entry.items() if key not in ("task", "model")}
        if cell in cells:
            raise NotComparable(f"{folder / MANIFEST} has {cell} twice. Restore it, or {record_again(folder)}")
        if cell not in trainings:
            raise NotComparable(f"{folder / TABLE} has no row of {cell}. Restore it, or {record_again(folder)}")
        cells[cell] = BaselineCell(cell, values, trainings[cell], traces.get(cell, {}), sketches.get(cell, {}))
    return cells
