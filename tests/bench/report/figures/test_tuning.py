"""Tuning curves: the test loss of a search against its number of trials."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.analysis.results import Results
from bench.analysis.tuned import TuningCurve, chosen, tuning_curves
from bench.report.figures.tuning import draw, tuning_picture, tuning_pictures
from bench.report.sections.search import search_summary

Build = Callable[..., Results]


def curve(*losses: float) -> TuningCurve:
    value = np.array(losses)
    return TuningCurve(value=value, low=value * 0.9, high=value * 1.1, replicates=7)


def test_a_curve_ends_at_the_selected_trials_and_begins_at_the_first(synthetic: ModuleType, results_of: Build) -> None:
    records = synthetic.experiment(("sine",), ("gru", "lstm"), seeds=5, trials=6, protocol=2)
    results = results_of(records)
    curves = tuning_curves(results, "tuned", "sine")
    assert list(curves) == ["gru", "lstm"]
    for model, found in curves.items():
        own = results.selected[results.selected["model"] == model]["test_loss"]
        first = [r["test"]["loss"] for r in records if r.get("trial") == 0 and r["model"]["name"] == model]
        assert found.value[-1] == pytest.approx(np.exp(np.log(own).mean()))
        assert found.value[0] == pytest.approx(np.exp(np.log(first).mean()))
        assert (found.low <= found.value).all()
        assert len(found.value) == 6


def test_a_longer_search_extends_the_curve(synthetic: ModuleType, results_of: Build) -> None:
    short, long = (
        tuning_curves(results_of(synthetic.experiment(("sine",), seeds=5, trials=t, protocol=2)), "tuned", "sine")
        for t in (3, 6)
    )
    np.testing.assert_allclose(short["gru"].value, long["gru"].value[:3])


def test_a_search_that_failed_counts_as_the_worst_loss(synthetic: ModuleType, results_of: Build) -> None:
    records = synthetic.experiment(("sine",), ("gru", "lstm"), seeds=4, trials=3, protocol=2)
    for record in records:
        if record.get("trial") == 0 and record["model"]["name"] == "gru":
            record |= {"status": "diverged", "test": None}
    results = results_of(records)
    ok = results.trainings[(results.trainings["status"] == "ok") & (results.trainings["stage"] == "trial")]
    assert tuning_curves(results, "tuned", "sine")["gru"].value[0] == pytest.approx(ok["test_loss"].max())


def test_one_search_for_all_has_no_such_curve(synthetic: ModuleType, results_of: Build) -> None:
    assert tuning_pictures(results_of(synthetic.experiment(("sine",), seeds=2, trials=6)), "tuned") == []


def test_the_words_say_where_the_order_changes() -> None:
    crossing = {"gru": curve(0.4, 0.2, 0.1), "lstm": curve(0.3, 0.25, 0.22)}
    picture = tuning_picture("tuning", "sine", crossing, ["gru", "lstm"])
    assert "gru 0.100 after 3 trials and lstm 0.220 after 3 trials" in picture.alt
    assert "Leading: lstm from 1 and gru from 2." in picture.alt
    assert picture.svg == tuning_picture("tuning", "sine", crossing, ["gru", "lstm"]).svg
    same = {"gru": curve(0.2, 0.1), "lstm": curve(0.3, 0.2)}
    assert "gru leads at every number of trials." in tuning_picture("t", "sine", same, ["gru", "lstm"]).alt
    lines = draw(Figure().subplots(), crossing, ["gru", "lstm"]).get_lines()
    assert list(lines[0].get_ydata()) == [0.4, 0.2, 0.1]
    assert list(lines[0].get_xdata()) == [1, 2, 3]


def tuned(synthetic: ModuleType, results_of: Build, sizes: list[int], rates: list[float], **more: Any) -> Results:
    records = [
        synthetic.training("sine", "gru", i, stage="trial", trial=0, hidden_size=size, learning_rate=rate)
        for i, (size, rate) in enumerate(zip(sizes, rates, strict=True), start=1)
    ]
    return results_of(records, **more)


def test_choices_are_reported_as_a_distribution(synthetic: ModuleType, results_of: Build) -> None:
    results = tuned(synthetic, results_of, [32, 32, 16, 32, 64], [1e-3, 2e-3, 3e-3, 4e-3, 5e-3])
    found = chosen(results, "tuned", "sine", "gru")
    assert found is not None
    assert found.sizes == (((32, 1), 3), ((16, 1), 1), ((64, 1), 1))
    assert found.rates == (1e-3, 3e-3, 5e-3)
    counts = {size: 3 * size * (size + 3) + size + 1 for size in (16, 32, 64)}
    assert found.parameters == (counts[16], counts[32], counts[64])
    assert found.edges == ()
    table = search_summary(results)
    assert table is not None
    assert (table.rows[0].cells[5].text, table.rows[0].cells[5].note) == ("32 × 1", "3 of 5; also 16 × 1, 64 × 1")
    (row,) = results.summary.to_dict("records")
    assert (row["hidden_size"], row["learning_rate"], row["parameter_count"]) == (32, 3e-3, counts[32])


def test_of_sizes_chosen_as_often_both_tables_name_the_one_with_the_lower_validation_loss(
    synthetic: ModuleType, results_of: Build
) -> None:
    for better, sizes in ((16, [64, 16, 64, 16, 32]), (64, [16, 64, 16, 64, 32])):
        records = tuned(synthetic, results_of, sizes, [3e-3] * 5).records
        for record in records:
            losses = record["curve"]["valid_loss"]
            level = 0.1 if record["model"]["hidden_size"] == better else 0.2
            record["curve"]["valid_loss"] = [level] * len(losses)
        results = results_of(list(records))
        found = chosen(results, "tuned", "sine", "gru")
        assert found is not None
        assert found.sizes[0] == ((better, 1), 2)
        assert results.summary["hidden_size"].tolist() == [better]
        assert len(found.sizes) == 3


def test_a_choice_on_the_edge_says_which_way_to_widen(synthetic: ModuleType, results_of: Build) -> None:
    large = chosen(tuned(synthetic, results_of, [64, 64, 64, 32], [3e-2] * 4), "tuned", "sine", "gru")
    assert large is not None
    assert large.edges == (
        "hidden size 64: try larger",
        "learning rate 0.03: try larger",
    )
    small = chosen(tuned(synthetic, results_of, [16, 16, 16, 32], [3e-4] * 4), "tuned", "sine", "gru")
    assert small is not None
    assert small.edges == ("hidden size 16: try smaller", "learning rate 0.0003: try smaller")
    half = chosen(tuned(synthetic, results_of, [64, 64, 32, 32], [3e-3] * 4), "tuned", "sine", "gru")
    assert half is not None
    assert half.edges == ()
