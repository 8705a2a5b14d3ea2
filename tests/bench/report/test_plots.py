import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.results import Results
from bench.report import plots
from tasks.errors import UserError

NAMES = [
    name
    for name, value in inspect.getmembers(plots, inspect.isfunction)
    if value.__module__ == plots.__name__
    and not name.startswith("_")
    and name not in ("forecasts", "gradient_flow", "prediction")
]


@pytest.fixture
def results(synthetic: ModuleType, results_of: Callable[..., Results]) -> Results:
    return results_of(synthetic.experiment(("sine", "copy"), seeds=3, trials=6, protocol=2))


@pytest.fixture(autouse=True)
def no_figure_stays_open() -> Iterator[None]:
    yield
    pyplot.close("all")


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_one_call_that_returns_its_axes(results: Results, name: str) -> None:
    axes = getattr(plots, name)(results)
    assert isinstance(axes, Axes)
    assert axes.has_data() or axes.texts
    given = Figure().subplots()
    assert getattr(plots, name)(results, axes=given) is given
    assert len(pyplot.get_fignums()) == 1  # none for axes that were given


def test_a_figure_shows_the_task_that_was_asked_for(results: Results) -> None:
    axes = plots.learning_curves(results, "copy", axes=Figure().subplots())
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["gru", "lstm"]
    medians = [line for line in axes.get_lines() if line.get_label() in ("gru", "lstm")]
    curves = results.curves[(results.curves["selected"]) & (results.curves["task"] == "copy")]
    for line in medians:
        own = curves[curves["model"] == line.get_label()]
        expected: Any = own.groupby("step")["valid_loss"].median()
        assert line.get_ydata() == pytest.approx(expected.to_numpy(float))


def test_unknown_names_are_errors_for_people(results: Results) -> None:
    with pytest.raises(UserError, match="did you mean 'copy'"):
        plots.learning_curves(results, "coppy")
    with pytest.raises(UserError, match="unknown comparison"):
        plots.improvement(results, match="fair")
    with pytest.raises(UserError, match="did you mean 'hidden_size'"):
        plots.search_slice(results, setting="hidden")


def test_what_was_not_kept_is_an_error_for_people(results: Results) -> None:
    with pytest.raises(UserError, match="no gradient-flow probe on sine"):
        plots.gradient_flow(results)
    with pytest.raises(UserError, match="kept no forecasts of a series on copy"):
        plots.forecasts(results, "copy")
    with pytest.raises(UserError, match="kept no predictions of lstm on copy"):
        plots.prediction(results, "copy", model="lstm")
    with pytest.raises(UserError, match="unknown model"):
        plots.prediction(results, model="lstmm")


def test_nothing_recorded_is_an_error_for_people(results_of: Callable[..., Results]) -> None:
    with pytest.raises(UserError, match="nothing to draw"):
        plots.learning_curves(results_of([]))
