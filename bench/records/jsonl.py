"""Append records to `results/NAME/records.jsonl` and read them back, past lines that were torn or damaged."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.records.schema import SCHEMA, Record, dumps
from tasks.errors import UserError


class RecordFile:
    """Appends to and reads `records.jsonl`. Each append is one `write` and one fsync: a kill tears one line at most."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, *records: Mapping[str, Any]) -> list[Span]:
        """Add records in one write; returns where each line is. UserError where the disk does not take them.

        What a full disk took of them is taken back, so the file stays as it was. A torn line that a kill left behind
        is closed first, so that it harms no other.
        """
        lines = [(dumps(record) + "\n").encode() for record in records]
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            try:
                _write_all(descriptor, b"\n" * torn + b"".join(lines))
                os.fsync(descriptor)
            except OSError as error:
                os.ftruncate(descriptor, size)
                raise UserError(self._refusal(error)) from error
        finally:
            os.close(descriptor)
        starts = itertools.accumulate(map(len, lines), initial=size + torn)
        return [Span(start, len(line)) for start, line in zip(starts, lines, strict=False)]

    def read(self) -> list[Record]:
        """All whole records, in the order they were written; a torn or damaged line is left out."""
        return list(read_records(self.path))

    def read_at(self, span: Span) -> Record:
        """The record of a line."""
        with self.path.open("rb") as file:
            record: Record = json.loads(os.pread(file.fileno(), span.length, span.start))
        return record

    def drop_torn_end(self) -> Line | None:
        """Cut off a last line that was only begun, and return it; None where the file ends well."""
        last = next(iter(deque(scan(self.path), maxlen=1)), None)
        if last is None or last.record is not None or last.raw.endswith(b"\n"):
            return None
        os.truncate(self.path, last.start)
        return last

    def _refusal(self, error: OSError) -> str:
        free = shutil.disk_usage(self.path.parent).free
        return (
            f"{self.path} can't be written: {error.strerror}, {free:,} bytes are free there. What was recorded before "
            "is whole: make room and run the same command again"
        )


def _write_all(descriptor: int, data: bytes) -> None:
    """One `write`; should the disk take only a part, the next one says why."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


class Span(NamedTuple):
    """Where a line is in its file, in bytes."""

    start: int
    length: int


@dataclass(frozen=True)
class Line:
    """One line of a file of records: a record, or what is wrong with it."""

    number: int
    start: int
    raw: bytes
    record: Record | None
    problem: str | None = None
    schema: int = 0


def scan(path: Path) -> Iterator[Line]:
    """Every line of a file, sound or not; none where there is no file."""
    if not path.exists():
        return
    start = 0
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            yield _parse(number, start, raw)
            start += len(raw)


def _parse(number: int, start: int, raw: bytes) -> Line:
    def damaged(problem: str) -> Line:
        return Line(number, start, raw, None, problem)

    try:
        record = json.loads(raw)
    except ValueError:
        return damaged("no valid JSON" if raw.endswith(b"\n") else "the line was only begun")
    if not isinstance(record, dict) or not isinstance(record.get("schema"), int):
        return damaged("no record: it has no schema number")
    if record["schema"] > SCHEMA:
        return Line(number, start, raw, None, f"written by a newer bench (schema {record['schema']})", record["schema"])
    for name in ("key", "stage"):
        if not isinstance(record.get(name), str):
            return damaged(f"no record: it has no {name}")
    return Line(number, start, raw, record, schema=record["schema"])


def refuse_newer(path: Path, line: Line) -> None:
    """Raise UserError for a line of a newer schema: to skip it could mean to train it again, or to report a part."""
    if line.schema > SCHEMA:
        raise UserError(
            f"{path}:{line.number} has record schema {line.schema}, this bench reads up to {SCHEMA}: "
            "install a newer bench"
        )


def read_records(path: Path, on_damage: Callable[[Line], None] | None = None) -> Iterator[Record]:
    """The records of a file. A line of a newer schema raises UserError; a damaged one is told to `on_damage`."""
    for line in scan(path):
        refuse_newer(path, line)
        if line.record is not None:
            yield line.record
        elif on_damage is not None:
            on_damage(line)
