"""Skill against four costs: each model stands where its records say, and a cost that nobody recorded is said."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from matplotlib.figure import Figure

from bench.analysis.results import Results
from bench.report.figures.fairness import COSTS, costs, skill_against_costs

STATES = {"gru": 32, "lstm": 64}


@pytest.mark.parametrize("with_state", [True, False])
def test_each_panel_has_each_model_at_its_mean_skill_and_its_cost(
    synthetic: ModuleType, results_of: Callable[..., Results], with_state: bool
) -> None:
    records = synthetic.experiment(("sine",), seeds=3, trials=2)
    for record in records:
        if record["stage"] == "time" and with_state:
            record["timing"]["state_size"] = STATES[record["model"]["name"]]
    results = results_of(records)
    confirmed = [record for record in records if record["stage"] == "confirm"]
    timed = {record["model"]["name"]: record["timing"] for record in reversed(records) if record["stage"] == "time"}
    expected = {}
    for model in STATES:
        own = [record for record in confirmed if record["model"]["name"] == model]
        expected[model] = {
            "skill": sum(record["test"]["skill"] for record in own) / len(own),
            "parameter_count": own[0]["parameters"]["total"],
            "flops_per_step": timed[model]["flops_per_step"],
            "step_seconds": timed[model]["step_seconds"],
            **({"state_size": STATES[model]} if with_state else {}),
        }
    found = costs(results, "tuned", "sine")
    assert {model: {key: row[key] for key in expected[model]} for model, row in found.items()} == {
        model: pytest.approx(row) for model, row in expected.items()
    }

    axes = Figure().subplots()
    told = skill_against_costs(axes, results, "tuned", "sine")
    panels = axes.child_axes
    assert [panel.get_xlabel() for panel in panels] == [f"{label} (log)" for label in COSTS.values()]
    for column, panel in zip(COSTS, panels, strict=True):
        points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in panel.get_lines()]
        rows = [row for row in expected.values() if column in row]
        assert points == [pytest.approx((row[column], row["skill"])) for row in rows]
        assert bool(rows) or panel.texts[0].get_text() == "not recorded"
    assert ("numbers in the state gru (32.0)" in told) is with_state


def test_the_parameters_are_those_of_the_tables(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    """Of an even number of replicates too, where a mean of two would be a count that no model has."""
    records = synthetic.experiment(("sine",), ("gru",), seeds=4, trials=2)
    for record in (record for record in records if record["stage"] == "confirm"):
        record["parameters"] = {"recurrent": 90, "head": 10, "total": 100 * record["replicate"]}
    results = results_of(records)
    (row,) = results.summary[results.summary["kind"] == "model"].to_dict("records")
    assert costs(results, "tuned", "sine")["gru"]["parameter_count"] == row["parameter_count"] == 200
