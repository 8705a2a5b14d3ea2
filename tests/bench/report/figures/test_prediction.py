"""The pictures of one training show what was predicted."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.records.predictions import LayerSize, Predictions
from bench.report.figures import prediction as figures
from bench.report.figures.architecture import architecture

LAYERS = (
    LayerSize(
        "gru 1", 3, 8, {"weight_ih_l0": (24, 3), "weight_hh_l0": (24, 8), "bias_ih_l0": (24,), "bias_hh_l0": (24,)}
    ),
    LayerSize("head", 8, 1, {"head.weight": (1, 8), "head.bias": (1,)}),
)
CURVE = {"step": [0, 10, 20], "train_loss": [None, 0.5, 0.1], "valid_loss": [1.0, 0.6, 0.25]}
rng = np.random.default_rng(0)
TRUTH = np.sin(np.arange(60) / 5)[:, None]
VALUES = Predictions(TRUTH + 0.5, TRUTH, None, ("y",), False, 10, LAYERS)
STEPS = replace(VALUES, outputs=np.repeat(TRUTH[:, None], 4, axis=1), targets=np.zeros((60, 4, 1)))
CLASSES = Predictions(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1]), None, ("output 1",), True, 10, LAYERS)
TOKENS = Predictions(
    np.tile([1, 2, 0], (30, 1)),
    np.tile([1, 2, 3], (30, 1)),
    np.tile([False, True, True], (30, 1)),
    ("output 1",),
    True,
    3,
    LAYERS,
)
KINDS = {"values": VALUES, "values per step": STEPS, "classes": CLASSES, "classes per step": TOKENS}


@pytest.fixture
def axes() -> Axes:
    return Figure().subplots()


@pytest.mark.parametrize("kind", KINDS)
def test_models_share_figures_where_they_can(kind: str) -> None:
    trainings = [figures.Shown(model, place, KINDS[kind], CURVE) for place, model in enumerate(("gru", "lstm"))]
    pictures = figures.task_pictures("a", "sine", trainings)
    together, networks = {"a-curve", "a-errors", "a-histogram"}, {"a-network-1", "a-network-2"}
    answers = {"a-truth-1", "a-truth-2"} if kind.startswith("classes") else {"a-truth"}
    assert {p.name for p in pictures} == together | networks | answers
    for picture in pictures:
        ET.fromstring(picture.svg)
        assert picture.alt.endswith(".")
        if picture.name in together:
            assert picture.alt.startswith("gru: ")
            assert "lstm: " in picture.alt


def test_a_series_has_its_truth_in_the_figure_of_forecasts() -> None:
    pictures = figures.task_pictures("a", "sunspots", [figures.Shown("gru", 0, VALUES, CURVE)], truth=False)
    assert [p.name for p in pictures] == ["a-curve", "a-errors", "a-histogram", "a-network-1"]


def test_models_on_one_axis_have_one_truth(axes: Axes) -> None:
    for place, model in enumerate(("gru", "lstm")):
        figures.against_truth(axes, VALUES, place, label=model)
    assert [line.get_label() for line in axes.lines] == ["truth", "gru", "lstm"]


def test_prediction_and_truth_are_drawn_as_they_are(axes: Axes) -> None:
    alt = figures.against_truth(axes, VALUES)
    truth, predicted = (line.get_ydata() for line in axes.lines)
    np.testing.assert_array_equal(truth, TRUTH[:, 0])
    np.testing.assert_allclose(predicted, TRUTH[:, 0] + 0.5)
    assert "0.500" in alt


def test_errors_are_prediction_less_truth(axes: Axes) -> None:
    figures.error_over_time(axes, VALUES)
    np.testing.assert_allclose(axes.lines[-1].get_ydata(), 0.5)
    assert "mean 0.500" in figures.error_histogram(Figure().subplots(), VALUES)


def test_a_target_that_was_not_measured_is_left_out(axes: Axes) -> None:
    gappy = replace(VALUES, targets=np.where(np.arange(60)[:, None] % 3 == 0, np.nan, TRUTH))
    assert figures.against_truth(axes, gappy) == "40 test predictions of y, root mean square error 0.500."
    assert np.size(axes.lines[0].get_ydata()) == 40
    assert figures.error_over_time(axes, gappy) == "Errors of 40 test predictions, from 0.500 to 0.500."
    assert figures.error_histogram(axes, gappy).startswith("Errors with mean 0.500 and")


@pytest.mark.parametrize("draw", [figures.against_truth, figures.error_over_time, figures.error_histogram])
def test_where_nothing_was_measured_nothing_is_drawn(axes: Axes, draw: Callable[..., str]) -> None:
    assert draw(axes, replace(VALUES, targets=np.full((60, 1), np.nan))) == figures.NOTHING_MEASURED


def test_measured_targets_after_a_long_gap_are_shown(axes: Axes) -> None:
    late = replace(VALUES, outputs=np.zeros((500, 1)), targets=np.where(np.arange(500)[:, None] < 495, np.nan, 2.0))
    assert figures.error_over_time(axes, late) == "Errors of 5 test predictions, from −2.00 to −2.00."


def test_wrong_answers_are_counted_where_the_mask_lets_them(axes: Axes) -> None:
    assert "step 3: 100" in figures.error_over_time(axes, TOKENS)
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [2, 3])
    assert "0 of 30 sequences" in figures.error_histogram(Figure().subplots(), TOKENS)
    assert "50" in figures.against_truth(Figure().subplots(), TOKENS)
    assert "75" in figures.against_truth(Figure().subplots(), CLASSES)


def test_the_learning_curve_has_both_losses_on_a_logarithmic_axis(axes: Axes) -> None:
    figures.learning_curve(axes, CURVE)
    assert axes.get_yscale() == "log"
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.5, 0.1], [1.0, 0.6, 0.25]]
    assert axes.get_legend_handles_labels()[1] == ["training", "validation"]


def test_the_diagram_says_what_the_network_is(axes: Axes) -> None:
    alt = architecture(axes, VALUES)
    words = " ".join(text.get_text() for text in axes.texts)
    for part in ("input", "3 values a step, 10 steps", "gru 1", "3 → 8, 312 parameters", "8 → 1, 9 parameters"):
        assert part in words
    for shape in ("(N, 10, 3)", "(N, 8)", "(N, 1)"):
        assert shape in words
    assert "321 parameters in all" in alt
    axes.clear()
    architecture(axes, STEPS)
    assert "(N, 10, 8)" in " ".join(text.get_text() for text in axes.texts)
