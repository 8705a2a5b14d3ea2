from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.analysis.results import Results
from bench.analysis.search_trials import importance
from bench.report.figures.scaling import pareto
from bench.report.sections.overall import choices_table, overall


def test_one_model_that_leads_everywhere_is_named(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    quality = {"gru": 0.02, "lstm": 0.6}

    def confirm(task: str, model: str, replicate: int, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = synthetic.training(task, model, replicate, quality=quality[model], **more)
        return made

    results = results_of(synthetic.experiment(("regression", "series"), seeds=6, trials=1, confirm=confirm))
    found = overall(results, "tuned")
    assert found is not None
    assert (found.state, found.colour) == ("settled", 0)
    assert found.headline == "gru has the lowest test loss on regression and series."
    assert found.notes[0].index("gru 0.") < found.notes[0].index("lstm 0.")

    table = choices_table(results, "tuned")
    assert table is not None
    named = [[cell.text for cell in row.cells] for row in table.rows]
    assert named == [[name, "gru", "gru", "gru"] for name in ("all tasks", "regression", "series")]
    assert table.rows[0].cells[1].note == "the choice on 2 of 2 tasks"


def test_where_no_task_needs_a_net_that_is_the_answer(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    """A linear model is exact on one task; then on both."""
    for exact, answer in ((("sine",), ""), (("sine", "series"), "no recurrent net needed")):
        records = synthetic.experiment(("sine", "series"), seeds=6, trials=1)
        records = [r for r in records if r["model"]["label"] != "linear_ar"]
        records += [
            synthetic.reference(task, "linear_ar", "baseline", replicate, 1e-9 * replicate) | {"valid_loss": 1e-9}
            for task in exact
            for replicate in range(1, 7)
        ]
        found = overall(results_of(records), "tuned")
        assert found is not None
        assert found.answer == answer
        assert ("No recurrent net is needed on sine and series." in found.headline) == bool(answer)


def test_the_smallest_and_fastest_are_chosen_among_those_that_solve(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    """The RNN is the smallest and fails its task: it is no choice. GRU is smaller than LSTM, which steps faster."""
    quality = {"gru": 0.05, "lstm": 0.05, "rnn": 0.9}

    def confirm(task: str, model: str, replicate: int, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = synthetic.training(task, model, replicate, quality=quality[model], **more)
        if made["steps_to_target"] is not None:
            made["steps_to_target"] = 500.0
        return made

    records = synthetic.experiment(("series",), ("gru", "lstm", "rnn"), seeds=6, trials=1, confirm=confirm)
    for record in records:
        if record["stage"] == "time":
            record["timing"]["step_seconds"] = {"gru": 2e-3, "lstm": 1e-3, "rnn": 1e-4}[record["model"]["name"]]
    table = choices_table(results_of(records), "tuned")
    assert table is not None
    (row,) = table.rows
    assert [cell.text for cell in row.cells[2:]] == ["gru", "lstm"]
    assert row.cells[3].note == "500 ms to target"


def test_one_task_and_one_model_have_no_overall(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    results = results_of(synthetic.experiment(("sine",), ("gru",), seeds=2, trials=1))
    assert overall(results, "tuned") is None
    assert choices_table(results, "tuned") is None


def test_the_pareto_front_is_what_nothing_beats() -> None:
    points = [(10, 0.5), (20, 0.6), (20, 0.4), (40, 0.4), (80, 0.1), (10, 0.7)]
    assert pareto(points) == [(10, 0.5), (20, 0.4), (80, 0.1)]
    for size, loss in points:
        beaten = any(s <= size and other <= loss and (s, other) != (size, loss) for s, other in points)
        assert beaten == ((size, loss) not in pareto(points))


def test_importance_finds_the_setting_that_matters() -> None:
    rng = np.random.default_rng(0)
    n = 60
    rates, sizes = 10 ** rng.uniform(-4, -1, n), rng.choice([16, 32, 64], n)
    table = pd.DataFrame({"learning_rate": rates, "hidden_size": sizes, "num_layers": 1, "init": "default"})
    by_rate = importance(table.assign(valid_loss=np.exp((np.log10(rates) + 2.5) ** 2 + rng.normal(0, 0.05, n))))
    assert by_rate["learning_rate"] > 0.9
    assert by_rate["hidden_size"] < 0.15
    by_size = importance(table.assign(valid_loss=1 / sizes * np.exp(rng.normal(0, 0.05, n))))
    assert by_size["hidden_size"] > 0.85
    assert by_size["learning_rate"] < 0.15
    assert set(by_size) == {"learning_rate", "hidden_size"}  # what was not varied explains nothing
    noise = importance(table.assign(valid_loss=rng.uniform(size=n)))
    assert max(noise.values()) < 0.15
    assert importance(table.iloc[:7].assign(valid_loss=1.0)) == {}


def test_a_search_without_spread_explains_nothing() -> None:
    table = pd.DataFrame({"learning_rate": np.logspace(-4, -1, 10), "hidden_size": 8, "num_layers": 1, "init": "x"})
    assert importance(table.assign(valid_loss=1.0)) in ({}, {"learning_rate": pytest.approx(0.0)})


def test_where_a_predictor_without_a_net_wins_nothing_recurrent_is_recommended(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    results = results_of(synthetic.experiment(("sine",), seeds=7, trials=1))
    table = choices_table(results, "tuned")
    assert table is not None
    assert [(cell.text, cell.note) for cell in table.rows[0].cells[1:]] == [("nothing recurrent", "use linear_ar")] * 3
