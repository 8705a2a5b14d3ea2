from pathlib import Path

from bench.records.jsonl import RecordFile
from bench.records.ledger import Ledger

SEARCH = {"stage": "search", "match": "tuned", "trial": 0}


def ledger(tmp_path: Path) -> Ledger:
    return Ledger(
        RecordFile(tmp_path / "records.jsonl"), {"experiment": "e", "budget": "smoke"}, "python -m bench rerun e"
    )


def measured(key: str) -> dict[str, object]:
    return {"schema": 1, "key": key, "status": "ok", "experiment": "another"}


def test_a_record_says_its_place_and_how_to_make_it_again(tmp_path: Path) -> None:
    written = ledger(tmp_path).add(measured("k" * 64), SEARCH)
    assert written["experiment"] == "e"
    assert written["stage"] == "search"
    assert written["command"] == "python -m bench rerun e " + "k" * 12


def test_what_is_recorded_is_found_by_the_next_run(tmp_path: Path) -> None:
    written = ledger(tmp_path).add(measured("k"), SEARCH)
    again = ledger(tmp_path)
    assert again.find("k", SEARCH) == written
    assert again.find("other", SEARCH) is None
    assert len(again.records) == 1


def test_the_same_training_under_another_trial_is_written_again_not_trained(tmp_path: Path) -> None:
    first = ledger(tmp_path)
    first.add(measured("k"), SEARCH)
    other = first.find("k", {**SEARCH, "trial": 5})
    assert other is not None
    assert other["trial"] == 5
    assert [record["trial"] for record in ledger(tmp_path).records] == [0, 5]
