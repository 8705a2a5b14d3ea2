"""A model whose search failed is in no table: an alarm names it, and no verdict says that its rival was alone."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.alarms import alarms
from bench.analysis.results import load

SAID = "On sine, lstm has no result: none of its trials ended well (2 timeout); give a longer --timeout."


@pytest.fixture
def records(synthetic: ModuleType) -> list[dict[str, Any]]:
    made = synthetic.experiment(("sine",), ("gru", "lstm"), seeds=2, trials=2)
    kept = [r for r in made if r["model"]["name"] != "lstm" or r["stage"] == "search"]
    for record in kept:
        if record["model"]["name"] == "lstm":
            record.update(status="timeout", error="ended after 1 s (--timeout)", curve=None)
    return kept


def test_an_alarm_names_it_and_its_rival_was_not_alone(
    synthetic: ModuleType, tmp_path: Path, records: list[dict[str, Any]]
) -> None:
    synthetic.write(tmp_path, "mine", records)
    results = load("mine", tmp_path)
    assert SAID in alarms(results)
    (verdict,) = results.verdicts
    assert "gru was the only model to finish" in verdict.sentence


def test_a_run_that_goes_on_may_still_bring_it(
    synthetic: ModuleType, tmp_path: Path, records: list[dict[str, Any]]
) -> None:
    synthetic.write(tmp_path, "mine", records, status="in progress")
    results = load("mine", tmp_path)
    assert SAID not in alarms(results)
    assert "gru is the only model with results so far" in results.verdicts[0].sentence


def test_there_is_no_alarm_where_all_have_results(synthetic: ModuleType, tmp_path: Path) -> None:
    synthetic.write(tmp_path, "mine", synthetic.experiment(("sine",), seeds=2, trials=2))
    assert not [text for text in alarms(load("mine", tmp_path)) if "no result" in text]
