"""What is whole and what is damaged in an experiment's records, and the repair: keep what is whole."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.records import manifest
from bench.records.atomic import checksum, written_atomically
from bench.records.disk import advice, reason
from bench.records.folder import located, names
from bench.records.jsonl import scan
from bench.records.line import Line
from bench.records.lock import FolderLock
from bench.records.published import refuse_foreign
from bench.records.schema import SCHEMA, Record
from tasks.errors import UserError, unknown


@dataclass(frozen=True)
class Diagnosis:
    """kept: records by (stage, status). damaged: lines that hold no record. newer: lines of a newer schema.

    unprotected: whole records without a checksum, as an earlier bench wrote them. changed: sentences on what differs
    from what was sealed. files: sentences on predictions and checkpoints that are missing or damaged, and on tables.
    """

    path: Path
    kept: Counter[tuple[str, str]]
    damaged: tuple[Line, ...]
    newer: tuple[Line, ...]
    unprotected: int = 0
    changed: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        return not (self.damaged or self.newer or self.changed or self.files)


def diagnose(name: str, results: str | Path = "results") -> Diagnosis:
    """Read all that an experiment left; UserError where there is no such experiment. Writes nothing."""
    name, results = located(name, results)
    if name not in names(results):
        raise unknown("experiment", name, names(results))
    path = manifest.records_path(Path(results) / name)
    kept: Counter[tuple[str, str]] = Counter()
    damaged, newer, files, unprotected = [], [], list[str](), 0
    for line in scan(path):
        if line.record is not None:
            kept[line.record["stage"], str(line.record.get("status", "ok"))] += 1
            unprotected += not line.protected
            files += _damaged_files(path.parent, line.record)
        elif line.schema > SCHEMA:
            newer.append(line)
        else:
            damaged.append(line)
    content: dict[str, Any] | None = None
    with contextlib.suppress(OSError, ValueError):  # of a manifest that can't be read, which the next line says
        content = manifest.read(path.parent) or {}
    try:
        files += manifest.table_changes(path.parent, content or {})
    except OSError as error:
        files.append(f"{error.filename or path.parent} can't be read ({error.strerror})")
    if content is not None:
        refuse_foreign(path.parent, content)
    changed = manifest.record_changes(path.parent)
    return Diagnosis(path, kept, tuple(damaged), tuple(newer), unprotected, tuple(changed), tuple(dict.fromkeys(files)))


def _damaged_files(folder: Path, record: Record) -> Iterator[str]:
    """What a training left beside its record and is no longer there, or no longer the same."""
    for name, kept in (record.get("kept_files") or {}).items():
        path = folder / name
        if folder.resolve() not in path.resolve().parents or not path.is_file():
            yield f"{path} is missing"
        elif checksum(path.read_bytes()) != kept:
            yield f"{path} is damaged (its checksum is not the one in its record)"


def repair(diagnosis: Diagnosis) -> Path:
    """Leave out the damaged lines, and seal what is left; returns where the file as it was is kept.

    Lines of a newer schema are not damage: they stay. What was found changed is kept in `experiment.json`, whose
    status becomes "interrupted", so that the next run looks for what is missing. UserError where a run is at work in
    the folder.
    """
    if manifest.is_published(diagnosis.path.parent):
        raise UserError(f"{diagnosis.path.parent} is published: fetch it again from there, nothing in it is repaired")
    path, lock = diagnosis.path, FolderLock(diagnosis.path.parent)
    lock.acquire()
    try:
        backup = next(p for n in itertools.count(1) if not (p := path.with_suffix(f".jsonl.{n}.bak")).exists())
        shutil.copy2(path, backup)
        with written_atomically(path) as file:
            for line in scan(path):
                if line.record is not None or line.schema > SCHEMA:
                    file.write(line.raw if line.raw.endswith(b"\n") else line.raw + b"\n")
        _seal_again(diagnosis)
    except OSError as error:
        why = f"{reason(path, error)}. It is as it was: {advice(error) or 'mend that'} and try again"
        raise UserError(f"{path} can't be repaired: {why}") from error
    finally:
        lock.release()
    return backup


def _seal_again(diagnosis: Diagnosis) -> None:
    folder = diagnosis.path.parent
    try:
        found = manifest.read(folder)
    except ValueError:
        return  # a person must mend or delete it: what the experiment was is not known from it
    if found is None:
        return
    lines = [f"{len(diagnosis.damaged)} damaged lines were left out"] * bool(diagnosis.damaged)
    noticed = [f"{text}; repaired" for text in (*diagnosis.changed, *lines)]
    before = found.get(manifest.NOTICED) or []
    manifest.write(folder, {**found, "status": "interrupted", manifest.NOTICED: [*before, *noticed]})
