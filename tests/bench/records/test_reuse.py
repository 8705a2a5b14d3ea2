"""Trainings of other experiments in the same results folder."""

from pathlib import Path
from typing import Any

from bench.records.jsonl import RecordFile
from bench.records.ledger import Ledger
from bench.records.reuse import Siblings
from bench.records.schema import SCHEMA

KEY = "ab" * 32
HERE, ELSEWHERE = "0" * 12, "1" * 12


def measured(**changes: Any) -> dict[str, Any]:
    first = {"schema": SCHEMA, "key": KEY, "experiment": "first", "budget": "smoke", "environment": HERE}
    return {**first, "stage": "search", "match": "tuned", "trial": 0, "status": "ok", "curve": {"step": [0]}, **changes}


def find(tmp_path: Path, *records: dict[str, Any]) -> Any:
    (tmp_path / "first").mkdir()
    RecordFile(tmp_path / "first/records.jsonl").append(*records)
    return Siblings(tmp_path / "second", HERE).find(KEY)


def test_a_training_of_the_same_environment_is_found_and_says_where_it_comes_from(tmp_path: Path) -> None:
    found = find(tmp_path, measured(key="cd" * 32), measured())
    assert found["reused_from"] == "first"
    assert found["curve"] == {"step": [0]}


def test_what_another_machine_measured_or_what_failed_is_not_used(tmp_path: Path) -> None:
    others = [
        {"environment": ELSEWHERE},
        {"status": "failed"},
        {"status": "timeout"},
        {"stage": "time"},
        {"stage": "reference"},
        {"schema": SCHEMA + 1},
    ]
    assert find(tmp_path, *(measured(**change) for change in others)) is None


def test_a_damaged_or_half_written_line_of_another_experiment_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    path = tmp_path / "first/records.jsonl"
    RecordFile(path).append(measured())
    path.write_bytes(path.read_bytes()[:-20])
    assert Siblings(tmp_path / "second", HERE).find(KEY) is None


def test_its_own_folder_is_no_sibling(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    RecordFile(tmp_path / "first/records.jsonl").append(measured())
    assert Siblings(tmp_path / "first", HERE).find(KEY) is None


def test_the_ledger_writes_what_it_finds_elsewhere_under_its_own_name_with_the_environment_of_then(
    tmp_path: Path,
) -> None:
    record = find(tmp_path, measured())
    assert record is not None
    (tmp_path / "second").mkdir()
    common = {"experiment": "second", "budget": "quick", "environment": ELSEWHERE}
    ledger = Ledger(
        RecordFile(tmp_path / "second/records.jsonl"),
        common,
        "rerun",
        elsewhere=Siblings(tmp_path / "second", HERE),
    )
    place = {"stage": "confirm", "match": "hidden", "trial": None}
    written = ledger.find(KEY, place)
    assert written is not None
    assert (written["experiment"], written["environment"], written["stage"]) == ("second", HERE, "confirm")
    assert ledger.records == [written]
    assert ledger.find(KEY, place) == written
    assert len(ledger.records) == 1
