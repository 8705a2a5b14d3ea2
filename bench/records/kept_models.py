"""The models that selected trainings left beside the records: `models/KEY.pt`, or `KEY.npz` of the NumPy cells."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from bench.records.atomic import checksum
from bench.records.manifest import MANIFEST
from bench.records.schema import Record

FOLDER = "models"
ENDINGS = (".pt", ".npz")
BYTES_A_PARAMETER = 12  # a weight and Adam's two moments, in float32
LARGEST_UNASKED = 16 << 20  # bytes of a model that is kept without --save-models: 1.4 million parameters


def kept_models(records: Iterable[Record]) -> dict[str, str]:
    """The files of the models within the results folder, by the key of the training."""
    found = {}
    for record in records:
        for name in record.get("kept_files") or {}:
            if name.startswith(f"{FOLDER}/"):
                found[str(record.get("examined") or record.get("key"))] = name
    return found


def is_kept(folder: Path, record: Record, name: str) -> bool:
    """Whether a file that a record left in its results folder is there, and as it was."""
    try:
        return checksum((folder / name).read_bytes()) == (record.get("kept_files") or {}).get(name)
    except OSError:
        return False


def lost_models(folder: Path, records: Iterable[Record]) -> list[str]:
    """The models that records left in their results folder and that are gone from it, or damaged."""
    kept = ((record, name) for record in records for name in record.get("kept_files") or {})
    return [name for record, name in kept if name.startswith(f"{FOLDER}/") and not is_kept(folder, record, name)]


def restoring_command(folder: Path) -> str:
    """The command that makes the kept models of a results folder again; empty where the folder holds no experiment."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return ""
    return shlex.join(["python", "-m", "bench", "run", "--config", str(manifest), "--save-models"])


def too_large(record: Record) -> bool:
    """Whether the model of a training is only kept where that is asked for."""
    return ((record.get("parameters") or {}).get("total") or 0) * BYTES_A_PARAMETER > LARGEST_UNASKED
