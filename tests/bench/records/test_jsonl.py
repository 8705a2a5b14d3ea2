import json
import math
import os
from pathlib import Path

import pytest

from bench.records.jsonl import RecordFile, read_records
from bench.records.schema import SCHEMA, digest, dumps
from tasks.errors import UserError


def record(number: int) -> dict[str, object]:
    return {"schema": SCHEMA, "key": str(number), "stage": "search", "value": 0.1 + 0.2, "text": "Ω | <b>"}


def test_what_is_appended_is_read_back_exactly(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "records.jsonl")
    file.append(record(1))
    file.append(record(2), record(3))
    assert file.read() == [record(1), record(2), record(3)]


def test_no_file_holds_no_records(tmp_path: Path) -> None:
    assert RecordFile(tmp_path / "absent.jsonl").read() == []


def test_a_line_torn_at_any_byte_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    whole = (dumps(record(1)) + "\n" + dumps(record(2)) + "\n").encode()
    first = len(dumps(record(1)).encode()) + 1
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        RecordFile(path).append(record(9))
        kept = [r["key"] for r in RecordFile(path).read()]
        whole_lines = (cut >= first - 1) + (cut >= len(whole) - 1)
        assert kept == [*["1", "2"][:whole_lines], "9"], cut


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_never_written(tmp_path: Path, value: float) -> None:
    file = RecordFile(tmp_path / "records.jsonl")
    with pytest.raises(ValueError, match="JSON"):
        file.append(record(1) | {"value": value})
    assert not (tmp_path / "records.jsonl").exists()


def test_a_newer_schema_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(dumps(record(1)) + "\n" + json.dumps(record(2) | {"schema": SCHEMA + 1}) + "\n")
    with pytest.raises(UserError, match=rf"records.jsonl:2 has record schema {SCHEMA + 1}"):
        list(read_records(path))


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.5})


@pytest.mark.parametrize("written", ["nothing", "a part", "all"])
def test_an_append_that_a_signal_ends_is_whole_or_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    file = RecordFile(tmp_path / "records.jsonl")
    file.append(record(1))
    write = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        write(descriptor, {"nothing": b"", "a part": data[:40], "all": data}[written])
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.records.jsonl.os.write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        file.append(record(2))
    monkeypatch.undo()
    file.verify()
    file.append(record(3))
    file.verify()
    assert [r["key"] for r in file.read()] == ["1", *["2"] * (written == "all"), "3"]
