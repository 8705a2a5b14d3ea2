"""Tuning curves: the expected best of a search against its number of trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.analysis.results import Results
from bench.report.figures.tuning import draw, expected_best, tuning_curve, tuning_curves


@pytest.fixture
def table() -> pd.DataFrame:
    losses = {"gru": [0.4, 0.3, 0.2, 0.1], "lstm": [0.25, 0.24, 0.23, 0.22], "rnn": [0.9, math.nan, math.nan, 0.8]}
    rows: list[dict[str, Any]] = [
        {"model": model, "valid_loss": loss, "status": "ok" if loss == loss else "diverged"}
        for model, values in losses.items()
        for loss in values
    ]
    return pd.DataFrame(rows)


def test_each_model_ends_at_what_its_search_found(table: pd.DataFrame) -> None:
    found = expected_best(table, ["gru", "lstm", "rnn", "absent"])
    assert list(found) == ["gru", "lstm", "rnn"]
    assert [best[-1] for best in found.values()] == [0.1, 0.22, 0.8]
    assert found["gru"][0] == pytest.approx(0.25)
    assert np.isnan(found["rnn"][:2]).all()  # the two that failed may have come first


def test_the_words_say_where_the_order_changes(table: pd.DataFrame) -> None:
    picture = tuning_curve("tuning", "sine", table, ["gru", "lstm", "rnn"])
    assert "gru 0.100 after 4 trials, lstm 0.220 after 4 trials and rnn 0.800 after 4 trials" in picture.alt
    assert "Leading: lstm from 1 and gru from 2." in picture.alt
    assert "leads at every" in tuning_curve("tuning", "sine", table, ["lstm", "rnn"]).alt
    assert picture.svg == tuning_curve("tuning", "sine", table, ["gru", "lstm", "rnn"]).svg


def test_the_axes_hold_the_numbers(table: pd.DataFrame) -> None:
    lines = draw(Figure().subplots(), table, ["gru", "lstm", "rnn"]).get_lines()
    assert lines[0].get_ydata()[-1] == 0.1
    assert list(lines[2].get_xdata()) == [3, 4]


def test_a_search_that_found_nothing_is_no_error(table: pd.DataFrame) -> None:
    table = table.assign(status="failed")
    assert "nothing" in tuning_curve("tuning", "sine", table, ["gru"]).alt


def test_a_report_has_a_curve_for_each_task_that_was_searched(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    found = tuning_curves(results_of(synthetic.experiment(("sine", "copy"), seeds=1, trials=6)), "tuned")
    assert [picture.name for picture in found] == ["tuning-1-1", "tuning-1-2"]
    assert "after 6 trials" in found[0].alt
    assert tuning_curves(results_of(synthetic.experiment(("sine",), seeds=1, trials=1)), "tuned") == []
