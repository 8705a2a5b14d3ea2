"""Targets in the report: one for all replicates, or a range where each forecast origin has its own."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from matplotlib.figure import Figure

from bench.analysis.results import Results
from bench.analysis.selected import targets_of
from bench.report.document import Gallery
from bench.report.figures.learning import curves
from bench.report.sections.outcome import outcome_section

Build = Callable[..., Results]
OWN = {1: 0.322, 2: 0.345, 3: 0.129}


def forecast(synthetic: ModuleType, results_of: Build, *, origin: bool) -> Results:
    records: list[dict[str, Any]] = synthetic.experiment(("series",), ("gru", "lstm"), seeds=3, trials=2, protocol=2)
    for record in records:
        if record["stage"] == "trial":
            record["target"] = {**record["target"], "threshold": OWN[record["replicate"]]}
        if record.get("replicate") and origin:
            block = 10 - record["replicate"]
            record["origin"] = {"block": block, "blocks": 10, "rows": [block * 10, block * 10 + 10]}
    return results_of(records)


def captions(results: Results) -> list[str]:
    return [str(block.caption) for block in outcome_section(results).blocks if isinstance(block, Gallery)]


def test_a_target_that_differs_is_told_as_a_range(synthetic: ModuleType, results_of: Build) -> None:
    results = forecast(synthetic, results_of, origin=False)
    assert targets_of(results, "series") == (0.129, 0.345)
    assert captions(results)[0].endswith("series: loss below 0.129 to 0.345, by replicate.")
    results = forecast(synthetic, results_of, origin=True)
    assert captions(results)[0].endswith("series: loss below 0.129 to 0.345, by forecast origin.")


def test_a_target_that_is_the_same_everywhere_is_one_number(synthetic: ModuleType, results_of: Build) -> None:
    results = results_of(synthetic.experiment(("sine", "copy"), seeds=3, trials=2, protocol=2))
    assert targets_of(results, "sine") == (0.002, 0.002)
    assert captions(results)[0].endswith("sine: loss below 0.002; copy: recall_accuracy above 0.9.")
    assert targets_of(results, "unknown") is None


@pytest.mark.parametrize(("task", "bands"), [("series", 1), ("sine", 0)])
def test_a_target_that_differs_is_a_band_across_the_curves(
    synthetic: ModuleType, results_of: Build, task: str, bands: int
) -> None:
    if task == "series":
        results = forecast(synthetic, results_of, origin=True)
    else:
        results = results_of(synthetic.experiment((task,), seeds=3, trials=2, protocol=2))
    axes = Figure().subplots()
    curves(axes, results, "tuned", task)
    assert "target" in {text.get_text().rstrip(" ↓↑") for text in axes.texts}
    assert len([patch for patch in axes.patches if patch.get_label() == "_band"]) == bands
    levels = {float(line.get_ydata()[0]) for line in axes.get_lines() if len(set(line.get_ydata())) == 1}
    assert not levels & set(OWN.values())
