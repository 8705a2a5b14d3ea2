"""One line of `records.jsonl`: a record as JSON, and a CRC-32 that tells whether it is still what was written.

The checksum is the last key of the line, `"crc32":"89abcdef"`, of all bytes before the comma in front of it. Lines
without one were written by an earlier bench: they are read, and are said to be unprotected.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from bench.records.plain import may_control, plain_values
from bench.records.schema import SCHEMA, Record, dumps
from bench.records.shape import problem_of

LONGEST = 1 << 26  # bytes of a line: a thousand times the longest record
_FRAME = b',"crc32":"________"}'
_FIXED = [(place, byte) for place, byte in enumerate(_FRAME) if byte != ord("_")]
_MEANT = 8  # of these 12 bytes as they should be: a checksum was here, whatever has happened to it


@dataclass(frozen=True)
class Line:
    """One line of a file of records: a record, or what is wrong with it.

    raw: its bytes, or the first of them where it is too long to be a record. length: in bytes, the line end included.
    protected: a checksum says that it is as it was written.
    """

    number: int
    start: int
    raw: bytes
    length: int
    record: Record | None
    problem: str | None = None
    schema: int = 0
    protected: bool = False


def encode(record: Mapping[str, Any]) -> bytes:
    """The line of a record, its checksum and its line end included. ValueError for NaN and infinity."""
    body = dumps(record)[:-1].encode()
    return body + b',"crc32":"%08x"}\n' % zlib.crc32(body)


def parse(number: int, start: int, raw: bytes, length: int | None = None) -> Line:
    """What a line holds. length: of the line, where `raw` is only its beginning."""

    def damaged(problem: str) -> Line:
        return Line(number, start, raw, length or len(raw), None, problem)

    if length is not None:
        return damaged(f"no record: it has {length:,} bytes")
    whole = raw.endswith(b"\n")
    text = raw[:-1] if whole else raw
    tail = text[-len(_FRAME) :]
    alike = sum(tail[place] == byte for place, byte in _FIXED) if len(tail) == len(_FRAME) else 0
    protected = alike >= _MEANT
    if protected:
        body = text[: -len(_FRAME)]
        if alike < len(_FIXED) or tail[10:18] != b"%08x" % zlib.crc32(body):
            return damaged("its checksum is not that of its content")
        text = body + b"}"
    try:
        record = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return damaged("no valid JSON" if whole else "the line was only begun")
    if may_control(text):
        record = plain_values(record)
    if not isinstance(record, dict) or type(record.get("schema")) is not int:
        return damaged("no record: it has no schema number")
    schema: int = record["schema"]
    if schema > SCHEMA:
        return Line(
            number, start, raw, len(raw), None, f"written by a newer bench (schema {schema})", schema, protected
        )
    problem = problem_of(record)
    if problem is not None:
        return damaged(f"no record: {problem}")
    return Line(number, start, raw, len(raw), record, schema=schema, protected=protected)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number that bench writes")
