"""The gradient-flow section: from records to tables, a figure and its words."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.analysis.gradient_tables import factor_table, flow_table
from bench.analysis.results import Results
from bench.report.document import Gallery, Table
from bench.report.figures.gradient import draw, gradient_flow
from bench.report.sections.gradients import gradients_section

Build = Callable[..., Results]
LAGS = 20


def flow(init: str, state: str, factor: float, cell: float | None = None) -> dict[str, Any]:
    def norms(rate: float) -> list[float]:
        return [0.5 * rate**k for k in range(LAGS)]

    return {
        "init": init,
        "state": state,
        "lags": LAGS,
        "hidden": norms(factor),
        "cell": None if cell is None else norms(cell),
        "hidden_factor": factor,
        "cell_factor": cell,
    }


@pytest.fixture
def results(synthetic: ModuleType, results_of: Build) -> Results:
    records = synthetic.experiment(("sine",), ("gru", "lstm"), seeds=2, trials=0, timed=False)
    for record in records:
        if record["stage"] == "confirm" and record["replicate"] == 1:
            lstm = record["model"]["name"] == "lstm"
            record["gradient_flow"] = [
                flow("default", "initial", 0.6, 0.62 if lstm else None),
                flow("chrono", "initial", 0.98, 0.98 if lstm else None),
                flow("default", "trained", 1.1, 0.9 if lstm else None),
            ]
    return results_of(records)


def test_a_row_a_probe_and_lag(results: Results) -> None:
    table = flow_table(results.records)
    assert len(table) == 2 * 3 * LAGS
    gru = table[(table["model"] == "gru") & (table["state"] == "trained")]
    assert gru["hidden_norm"].tolist() == [0.5 * 1.1**k for k in range(LAGS)]
    assert gru["cell_norm"].isna().all()
    factors = factor_table(results.records)
    assert len(factors) == 6
    assert factors[factors["model"] == "lstm"]["cell_factor"].tolist() == [0.62, 0.98, 0.9]


def test_older_records_that_say_steps_for_lags_give_the_same_table(results: Results) -> None:
    new = factor_table(results.records)
    for record in results.records:
        for probe in record.get("gradient_flow") or []:
            probe["steps"] = probe.pop("lags")
    assert factor_table(results.records).equals(new)
    assert new["lags"].tolist() == [LAGS] * 6


def test_the_figure_says_what_vanishes_and_what_explodes(results: Results) -> None:
    table = flow_table(results.records)
    trained = table[table["state"] == "trained"]
    picture = gradient_flow("flow", "sine", trained, ["gru", "lstm"], "model")
    assert "gru 1.1 (explodes)" in picture.alt
    initial = table[(table["state"] == "initial") & (table["cell"] == "gru")]
    picture = gradient_flow("flow", "sine", initial, ["default", "chrono"], "init")
    assert "default 0.60 (vanishes) and chrono 0.98 (vanishes)" in picture.alt
    assert picture.svg == gradient_flow("flow", "sine", initial, ["default", "chrono"], "init").svg


def test_the_axes_hold_a_line_for_each_and_shares_start_at_one(results: Results) -> None:
    table = flow_table(results.records)
    trained = table[table["state"] == "trained"]
    axes = draw(Figure().subplots(), trained, ["gru", "lstm"], "model")
    lines = axes.get_lines()
    assert len(lines) == 3  # and the line at 1
    np.testing.assert_allclose(lines[0].get_ydata(), [1.1**k for k in range(LAGS - 1)])
    assert lines[0].get_xdata()[0] == 1


def test_the_section_has_figures_for_before_after_and_schemes(results: Results) -> None:
    section = gradients_section(results)
    gallery, table = section.blocks
    assert isinstance(gallery, Gallery)
    assert [picture.name for picture in gallery.pictures] == ["flow-1", "flow-1-trained", "flow-1-1", "flow-1-2"]
    assert isinstance(table, Table)
    assert [cell.text for cell in table.rows[0].cells] == ["sine", "gru", "default", "0.600", "–"]


def test_implementations_of_one_cell_share_the_figure_of_its_schemes(
    synthetic: ModuleType, results_of: Build, results: Results
) -> None:
    twin = [flow("default", "initial", 0.6), flow("chrono", "initial", 0.98), flow("default", "trained", 1.2)]
    records = synthetic.experiment(("sine",), ("numpy_gru",), seeds=1, trials=0, timed=False)
    records = [record | {"gradient_flow": twin} if record["stage"] == "confirm" else record for record in records]
    gallery = gradients_section(results_of([*results.records, *records])).blocks[0]
    assert [each.name for each in gallery.pictures] == ["flow-1", "flow-1-trained", "flow-1-1", "flow-1-2"]
    assert gallery.pictures[2].title == "gru and numpy_gru on sine, by initial weights"


def test_factors_have_an_interval_over_seeds(synthetic: ModuleType, results_of: Build) -> None:
    records = synthetic.experiment(("sine",), ("gru",), seeds=5, trials=0, timed=False)
    factors = [0.5, 0.6, 0.7, 0.8, 0.9]
    for record in records:
        if record["stage"] == "confirm":
            record["gradient_flow"] = [flow("default", "initial", factors[record["replicate"] - 1])]
    cell = gradients_section(results_of(records)).blocks[1].rows[0].cells[3]
    logs = np.log(factors)
    half = 2.776445 * logs.std(ddof=1) / 5**0.5  # Student's t, 4 degrees of freedom
    low, high = np.exp(logs.mean() - half), np.exp(logs.mean() + half)
    assert cell.value == pytest.approx(np.exp(logs.mean()))
    assert cell.note == f"{low:.3f} to {high:.3f}, 5 replicates"


def test_without_probes_there_is_no_section(synthetic: ModuleType, results_of: Build) -> None:
    assert not gradients_section(results_of(synthetic.experiment(seeds=2, trials=0))).blocks
