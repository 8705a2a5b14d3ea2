"""Trainings that other experiments of the same results folder have recorded: used again instead of trained again.

One more model or another size make another experiment, with a folder of its own; most of its trainings are then in the
folder of the first. A training is taken only where it was measured in the present environment.
"""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path

from bench.records.atomic import FILES, checksum
from bench.records.folder import RECORDS
from bench.records.jsonl import Span
from bench.records.kept_models import ENDINGS
from bench.records.kept_models import FOLDER as MODELS
from bench.records.line import parse
from bench.records.predictions import FOLDER as PREDICTIONS
from bench.records.schema import SCHEMA, TRAININGS, Record

HEAD = 400  # bytes within which a line says its key and environment: they are written first
USABLE = ("ok", "diverged")  # a failure may have been the machine's


class Siblings:
    """Looks into `results/*/records.jsonl` other than the experiment's own. environment: the present fingerprint."""

    def __init__(self, folder: Path, environment: str) -> None:
        self._folder, self._environment = folder, environment

    def find(self, key: str) -> Record | None:
        """The record with this key; `reused_from` says which experiment measured it."""
        for path, span in self._index.get(key.encode(), ()):
            record = _read(path, span)
            if record is not None and self._serves(record, key) and (files := _files(path.parent, record)) is not None:
                record.pop("kept_files", None)  # said anew, of what is taken along
                return {**record, "reused_from": record.get("reused_from") or path.parent.name, FILES: files}
        return None

    def _serves(self, record: Record, key: str) -> bool:
        return (
            (record.get("key"), record.get("schema"), record.get("environment")) == (key, SCHEMA, self._environment)
            and record.get("stage") in (*TRAININGS, "examine")
            and record.get("status") in USABLE
        )

    @cached_property
    def _index(self) -> dict[bytes, list[tuple[Path, Span]]]:
        """Where the lines of this environment are, by key; not parsed, so a large folder is read at disk speed."""
        found: dict[bytes, list[tuple[Path, Span]]] = {}
        marks = [b'"environment":' + json.dumps(self._environment).encode(), b'"stage":']
        for path in sorted(self._folder.parent.glob(f"*/{RECORDS}")):
            if path.parent == self._folder:
                continue
            start = 0
            with path.open("rb") as lines:
                for line in lines:
                    head = line[:HEAD]
                    if all(mark in head for mark in marks) and (key := _key(head)):
                        found.setdefault(key, []).append((path, Span(start, len(line))))
                    start += len(line)
        return found


def _files(folder: Path, record: Record) -> dict[str, bytes] | None:
    """What a record left and another experiment takes along: its predictions, and its model where that is as it was.

    None: the predictions are gone or damaged. A record that was made before checksums were kept has those that are
    there.
    """
    trained = record.get("examined") or record["key"]
    predictions = f"{PREDICTIONS}/{trained}.npz"
    kept: dict[str, str] = record.get("kept_files") or {}
    if predictions not in kept and record["stage"] == "confirm" and (folder / predictions).is_file():
        kept = {**kept, predictions: ""}
    files = {}
    for name in (predictions, *(f"{MODELS}/{trained}{ending}" for ending in ENDINGS)):
        if name not in kept:
            continue
        content = (folder / name).read_bytes() if (folder / name).is_file() else None
        if content is not None and kept[name] in ("", checksum(content)):
            files[name] = content
        elif name == predictions:
            return None
    return files


def _key(head: bytes) -> bytes | None:
    """The key in the beginning of a line."""
    _, mark, rest = head.partition(b'"key":"')
    key, end, _ = rest.partition(b'"')
    return key if mark and end else None


def _read(path: Path, span: Span) -> Record | None:
    """The record at a place; None where the line is damaged, or the file has gone or changed since it was indexed."""
    try:
        with path.open("rb") as file:
            return parse(0, span.start, os.pread(file.fileno(), span.length, span.start)).record
    except OSError:
        return None
