"""What an unfinished experiment lacks, in words."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from bench.analysis.results import Results
from bench.report.sections.verdict import missing_lines

Build = Callable[..., Results]


def test_means_over_different_data_are_told(synthetic: ModuleType, results_of: Build) -> None:
    records = synthetic.experiment(seeds=3, trials=1)
    assert missing_lines(results_of(records)) == []
    part = [
        r
        for r in records
        if r["stage"] != "confirm" or (r["task"]["name"], r["model"]["name"], r["replicate"]) != ("copy", "gru", 3)
    ]
    (line,) = missing_lines(results_of(part))
    assert "2 of gru" in line
    assert "replicates have ended: their means are over different data" in line


def test_what_is_missing_is_counted_in_plain_words(synthetic: ModuleType, results_of: Build) -> None:
    lacks = {"model": "gru", "task": "sine", "match": "tuned", "trial": 1, "examine": 2, "time": 3}
    assert missing_lines(results_of(synthetic.experiment(seeds=1, trials=1), missing=[lacks])) == [
        "Missing: gru on sine (tuned) lacks 1 training of its searches, 2 probes of its gradients and 3 measurements "
        "of time."
    ]
