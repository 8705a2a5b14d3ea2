"""The predictors without a net of a study are computed again from its seed, and a score that differs is found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import bench
from bench.analysis.publish import publish
from bench.analysis.published_tables import table_differences
from bench.analysis.results import Results, load
from bench.records.doctor import diagnose
from bench.records.schema import Record

from .references_again import add, agreements


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("again")
    fixed = {"hidden_sizes": "4", "layers": "1", "lr_range": "0.01,0.01", "trials": 1, "replicates": 2, "steps": 2}
    which = {"models": "numpy_rnn", "tasks": "sine[points=200],sunspots", "references": "boosting", "seed": 3}
    where = {"results": str(folder), "name": "e", "executor": "inline", "budget": "smoke"}
    bench.run(bench.resolve({**fixed, **which, **where}))
    return bench.load("e", folder)


def test_scores_agree_and_a_changed_and_a_lacking_one_are_named(results: Results) -> None:
    def changed(record: Record) -> Record:
        if record["stage"] == "reference" and record["model"]["label"] == "linear_ar" and record["replicate"] == 2:
            return {**record, "test": {**record["test"], "loss": record["test"]["loss"] * 1.01 + 1e-6}}
        return record

    def lacks(record: Record) -> bool:
        return record["stage"] == "reference" and record["model"]["label"] == "persistence"

    sine, sunspots = agreements(results)
    assert (sine.task, sunspots.task) == ("sine[points=200]", "sunspots")
    assert {"boosting 1", "kernel_ridge 2", "linear_ar 1", "persistence 2"} <= set(sine.agree) & set(sunspots.agree)
    assert not any((sine.differ, sine.unpublished, sunspots.differ, sunspots.unpublished))
    other = tuple(changed(record) for record in results.records if not lacks(record))
    for found in agreements(replace(results, records=other)):
        assert found.differ == ("linear_ar 2",)
        assert found.unpublished == ("persistence 1", "persistence 2")


def test_what_a_publication_lacks_is_added_to_it(results: Results, tmp_path: Path) -> None:
    """Taken out and added again, tables and records are what they were, but for their order."""
    publish(results, tmp_path / "study")
    whole = load("study", tmp_path)
    left = [r for r in whole.records if r["stage"] != "reference" or r["model"]["label"] != "kernel_ridge"]
    lacking = replace(whole, records=tuple(left))
    new = [record for found in agreements(lacking) for record in found.new]
    assert [record["replicate"] for record in new] == [1, 2, 1, 2]
    tables = tmp_path / "study" / "summary.csv", tmp_path / "study" / "pairs.csv"
    before = [sorted(path.read_text().splitlines()) for path in tables]
    add(lacking, new)
    assert diagnose(str(tmp_path / "study")).is_sound
    assert not table_differences(tmp_path / "study")
    assert [sorted(path.read_text().splitlines()) for path in tables] == before
    again = load("study", tmp_path)
    (part,) = again.manifest["added"]
    assert (part["references"], part["tasks"]) == (["kernel_ridge"], [])
    as_text = [sorted(json.dumps(record, sort_keys=True) for record in each.records) for each in (again, whole)]
    assert as_text[0] == as_text[1]
