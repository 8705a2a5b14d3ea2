"""Append records to `results/NAME/records.jsonl` and read them back, past lines that were torn or damaged."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.records.compressed import unpacked
from bench.records.disk import refusal
from bench.records.line import LONGEST, Line, encode, parse
from bench.records.schema import SCHEMA, Record
from tasks.errors import UserError

_EXCERPT = 1000  # bytes that are kept of a line which is too long
_PART = 1 << 20  # bytes that are read at once where a whole file is


class _Left(NamedTuple):
    """The file as its writer left it: size in bytes, hash of the content, and what an append is adding just now.

    One value, so that a signal that comes in the middle of an append finds the three of them in agreement.
    """

    size: int
    content: Any
    writing: bytes = b""


class RecordFile:
    """Appends to and reads `records.jsonl`. Each append is one `write` and one fsync: a kill tears one line at most.

    The file stays open from `open` to `close`, and before each write it must still be the one at `path`, with the
    size that this writer left: a file that was removed, moved, replaced, cut or written by another raises UserError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forget()

    def _forget(self) -> None:
        self._descriptor: int | None = None
        self._left = _Left(0, hashlib.sha256())
        self._looked = False

    def open(self) -> None:
        """Hold on to the file that is there; where there is none, the first append makes it."""
        if self._looked:
            return
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            self._looked = True
            return
        except OSError as error:
            raise UserError(refusal(self.path, error)) from error
        content = hashlib.sha256()
        self._left = _Left(_update(content, self._descriptor), content)
        self._looked = True

    def close(self) -> None:
        """Let go of the file. Another append would open it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._forget()

    def append(self, *records: Mapping[str, Any]) -> list[Span]:
        """Add records in one write; returns where each line is. UserError where the disk does not take them.

        What a full disk took of them is taken back, so the file stays as it was. A torn line that a kill left behind
        is closed first, so that it harms no other.
        """
        lines = [encode(record) for record in records]
        self.open()
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
            descriptor = self._descriptor
            self._check_place(descriptor)
            size, content, _ = self._left
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            data = b"\n" * torn + b"".join(lines)
            after = content.copy()
            after.update(data)
            self._left = _Left(size, content, data)
            try:
                _write_all(descriptor, data)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            self._left = _Left(size + len(data), after)
        except FileExistsError:
            raise UserError(self._lost("was made by something else")) from None
        except OSError as error:
            raise UserError(refusal(self.path, error)) from error
        starts = itertools.accumulate(map(len, lines), initial=size + torn)
        return [Span(start, len(line)) for start, line in zip(starts, lines, strict=False)]

    def check(self) -> None:
        """Raise UserError where the file is no longer the one that this writer left."""
        if self._descriptor is not None:
            try:
                self._check_place(self._descriptor)
            except OSError as error:
                raise UserError(refusal(self.path, error)) from error

    def verify(self) -> None:
        """Raise UserError unless the file holds, byte for byte, what was there at first and all that was appended."""
        if self._descriptor is None:
            return
        self.check()
        found = hashlib.sha256()
        _update(found, self._descriptor)
        if found.digest() != self._left.content.digest():
            raise UserError(self._lost("was changed by something else"))

    def read(self) -> list[Record]:
        """All whole records, in the order they were written; a torn or damaged line is left out."""
        return list(read_records(self.path))

    def read_at(self, span: Span) -> Record:
        """The record of a line; UserError where it is no longer there, or no longer whole."""
        self.open()
        raw = b"" if self._descriptor is None else os.pread(self._descriptor, span.length, span.start)
        record = parse(0, span.start, raw).record
        if record is None:
            raise UserError(self._lost("was changed by something else"))
        return record

    def drop_torn_end(self) -> Line | None:
        """Cut off a last line that was only begun, and return it; None where the file ends well. Before `open`."""
        last = next(iter(deque(scan(self.path), maxlen=1)), None)
        if last is None or last.record is not None or last.raw.endswith(b"\n") or last.length != len(last.raw):
            return None
        os.truncate(self.path, last.start)
        return last

    def _check_place(self, descriptor: int) -> None:
        """Raise UserError where the path no longer leads to the open file, or the file is not as it was left."""
        held = os.fstat(descriptor)
        try:
            there = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(self._lost("was removed, or its folder was")) from None
        if not os.path.samestat(there, held):
            raise UserError(self._lost("was replaced by another file"))
        if self._left.writing:
            self._settle(descriptor)
            held = os.fstat(descriptor)
        if held.st_size != self._left.size:
            grown = "longer" if held.st_size > self._left.size else "shorter"
            raise UserError(self._lost(f"was made {grown} by something else"))

    def _settle(self, descriptor: int) -> None:
        """After an append that a signal ended: keep what it wrote if that is whole, else take it back."""
        size, content, data = self._left
        written = os.pread(descriptor, len(data) + 1, size)
        if written == data:
            content = content.copy()
            content.update(data)
            size += len(data)
        elif data.startswith(written):
            os.ftruncate(descriptor, size)
        self._left = _Left(size, content)

    def _lost(self, what: str) -> str:
        return (
            f"{self.path} {what} while this run was writing it, so nothing more is recorded. Find out what did it, "
            "then run the same command again: what is no longer recorded is measured again"
        )


def _update(content: Any, descriptor: int) -> int:
    """Add a whole file to a hash; returns its size in bytes."""
    size = 0
    while part := os.pread(descriptor, _PART, size):
        content.update(part)
        size += len(part)
    return size


def _write_all(descriptor: int, data: bytes) -> None:
    """One `write`; should the disk take only a part, the next one says why."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


class Span(NamedTuple):
    """Where a line is in its file, in bytes."""

    start: int
    length: int


def scan(path: Path) -> Iterator[Line]:
    """Every line of a file, sound or not; none where there is no file. One longer than `LONGEST` is never held.

    Of a compressed file, UserError where it is damaged.
    """
    if not path.exists():
        return
    start = 0
    with unpacked(path) if path.suffix == ".xz" else path.open("rb") as lines:
        for number in itertools.count(1):
            raw = lines.readline(LONGEST)
            if not raw:
                return
            length = len(raw)
            if length == LONGEST and not raw.endswith(b"\n"):
                while part := lines.readline(LONGEST):
                    length += len(part)
                    if part.endswith(b"\n"):
                        break
                line = parse(number, start, raw[:_EXCERPT], length)
            else:
                line = parse(number, start, raw)
            yield line
            start += length


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
