"""What is whole and what is damaged in an experiment's records, and the repair: keep what is whole."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.records.atomic import written_atomically
from bench.records.folder import RECORDS, names
from bench.records.jsonl import Line, scan
from bench.records.lock import FolderLock
from bench.records.schema import SCHEMA
from tasks.errors import UserError, unknown


@dataclass(frozen=True)
class Diagnosis:
    """kept: records by (stage, status). damaged: lines that hold no record. newer: lines of a newer schema."""

    path: Path
    kept: Counter[tuple[str, str]]
    damaged: tuple[Line, ...]
    newer: tuple[Line, ...]

    @property
    def is_sound(self) -> bool:
        return not self.damaged and not self.newer


def diagnose(name: str, results: str | Path = "results") -> Diagnosis:
    """Read every line of an experiment's records; UserError where there is no such experiment. Writes nothing."""
    if name not in names(results):
        raise unknown("experiment", name, names(results))
    path = Path(results) / name / RECORDS
    kept: Counter[tuple[str, str]] = Counter()
    damaged, newer = [], []
    for line in scan(path):
        if line.record is not None:
            kept[line.record["stage"], str(line.record.get("status", "ok"))] += 1
        elif line.schema > SCHEMA:
            newer.append(line)
        else:
            damaged.append(line)
    return Diagnosis(path, kept, tuple(damaged), tuple(newer))


def repair(diagnosis: Diagnosis) -> Path:
    """Leave out the damaged lines; returns where the file as it was is kept.

    Lines of a newer schema are not damage: they stay. UserError where a run is at work in the folder.
    """
    path, lock = diagnosis.path, FolderLock(diagnosis.path.parent)
    lock.acquire()
    try:
        backup = next(p for n in itertools.count(1) if not (p := path.with_suffix(f".jsonl.{n}.bak")).exists())
        shutil.copy2(path, backup)
        with written_atomically(path) as file:
            for line in scan(path):
                if line.record is not None or line.schema > SCHEMA:
                    file.write(line.raw if line.raw.endswith(b"\n") else line.raw + b"\n")
    except OSError as error:
        raise UserError(f"{path} can't be repaired: {error.strerror}. It is as it was") from error
    finally:
        lock.release()
    return backup
