"""The predictors without a net of a study are computed again from its seed, and a score that differs is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bench
from bench.records.schema import Record

from .references_again import agreements


def test_scores_agree_and_a_changed_and_a_lacking_one_are_named(tmp_path: Path) -> None:
    fixed = {"hidden_sizes": "4", "layers": "1", "lr_range": "0.01,0.01", "trials": 1, "replicates": 2, "steps": 2}
    which = {"models": "numpy_rnn", "tasks": "sine[points=200],sunspots", "references": "boosting", "seed": 3}
    where = {"results": str(tmp_path), "name": "e", "executor": "inline", "budget": "smoke"}
    bench.run(bench.resolve({**fixed, **which, **where}))
    results = bench.load("e", tmp_path)

    def changed(record: Record) -> Record:
        if record["stage"] == "reference" and record["model"]["label"] == "linear_ar" and record["replicate"] == 2:
            return {**record, "test": {**record["test"], "loss": record["test"]["loss"] * 1.01 + 1e-6}}
        return record

    def lacks(record: Record) -> bool:
        return record["stage"] == "reference" and record["model"]["label"] == "persistence"

    sine, sunspots = agreements(results)
    assert (sine.task, sunspots.task) == ("sine[points=200]", "sunspots")
    assert {"boosting 1", "boosting 2", "linear_ar 1", "persistence 2"} <= set(sine.agree) & set(sunspots.agree)
    assert not any((sine.differ, sine.unpublished, sunspots.differ, sunspots.unpublished))
    other = tuple(changed(record) for record in results.records if not lacks(record))
    for found in agreements(replace(results, records=other)):
        assert found.differ == ("linear_ar 2",)
        assert found.unpublished == ("persistence 1", "persistence 2")
