"""Tasks that differ in one number make a line; any others do not."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from matplotlib.figure import Figure

from bench.analysis.ladders import ladders
from bench.analysis.results import Results
from bench.report.figures.difficulty import score_against_parameter
from bench.report.sections.scaling import scaling_section

Make = Callable[..., Results]


def relabelled(results: Results, parameters: dict[str, dict[str, object]]) -> Results:
    """The same experiment with its tasks as parametrisations of copy."""
    records = []
    for record in results.records:
        own = parameters[record["task"]["label"]]
        text = ",".join(f"{key}={value}" for key, value in own.items())
        task = {**record["task"], "name": "copy", "label": f"copy[{text}]", "parameters": own}
        records.append({**record, "task": task})
    return Results(results.name, tuple(records), {})


@pytest.fixture
def three(synthetic: ModuleType, results_of: Make) -> Results:
    return results_of(synthetic.experiment(("sine", "copy", "regression"), seeds=3, trials=2))


def test_one_number_that_differs_makes_a_ladder_in_its_order(three: Results) -> None:
    delays = {"sine": 40, "copy": 5, "regression": 20}
    results = relabelled(three, {task: {"delay": delay, "length": 3} for task, delay in delays.items()})
    (ladder,) = ladders(results)
    assert (ladder.kind, ladder.parameter) == ("copy", "delay")
    assert [value for value, _ in ladder.steps] == [5, 20, 40]

    axes = Figure().subplots()
    said = score_against_parameter(axes, results, results.matches[0], ladder.steps[1][1])
    assert axes.get_xlabel() == "delay"
    lines = [line for line in axes.get_lines() if line.get_label() in results.models]
    assert len(lines) == len(results.models) == said.count(" at 40")
    for line in lines:
        confirmed = results.selected[results.selected["model"] == line.get_label()]
        means = confirmed.groupby("task")["skill"].mean()
        assert list(line.get_xdata()) == [5, 20, 40]
        assert list(line.get_ydata()) == pytest.approx([means[name] for _, name in ladder.steps])
    assert any(
        pic.name == "harder-1-1" for block in scaling_section(results).blocks for pic in getattr(block, "pictures", ())
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"sine": {"delay": 5}, "copy": {"delay": 10}, "regression": {"delay": 10, "length": 4}},
        {"sine": {"order": "a"}, "copy": {"order": "b"}, "regression": {"order": "c"}},
        {"sine": {"permuted": True}, "copy": {"permuted": False}, "regression": {"permuted": None}},
    ],
)
def test_anything_else_makes_none(three: Results, parameters: dict[str, dict[str, object]]) -> None:
    results = relabelled(three, parameters)
    assert ladders(results) == []
    axes = Figure().subplots()
    assert "in one number alone" in score_against_parameter(axes, results, results.matches[0], results.tasks[0])


def test_tasks_of_different_kinds_make_none(three: Results) -> None:
    assert ladders(three) == []
