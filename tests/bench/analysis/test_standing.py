"""Where models and references stand: typical losses, their intervals, and who shares a letter."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.analysis.results import Results
from bench.analysis.standing import Standing

Make = Callable[..., Results]


def by_name(results: Results, task: str) -> dict[str, Standing]:
    return {each.name: each for each in results.conclusions.standings["tuned", task]}


def test_the_loss_is_the_geometric_mean_with_scipys_t_interval(synthetic: ModuleType, results_of: Make) -> None:
    results = results_of(synthetic.experiment(("sine",), ("gru", "lstm"), seeds=6, trials=1, protocol=2))
    found = by_name(results, "sine")
    for model in ("gru", "lstm"):
        losses = [r["test"]["loss"] for r in results.records if r["stage"] == "trial" and r["model"]["name"] == model]
        logs = np.log10(losses)
        low, high = scipy_stats.t.interval(0.95, 5, logs.mean(), scipy_stats.sem(logs))
        assert found[model].loss == pytest.approx(scipy_stats.gmean(losses))
        assert (found[model].low, found[model].high) == pytest.approx((10**low, 10**high))
        assert sorted(found[model].values) == pytest.approx(sorted(losses))


def test_the_loss_is_that_of_the_summary_with_failures_as_the_worst(synthetic: ModuleType, results_of: Make) -> None:
    records = synthetic.experiment(("sine",), ("gru", "lstm", "rnn"), seeds=5, trials=1, protocol=2)
    for record in records:
        name, replicate = record["model"]["name"], record["replicate"]
        if record["stage"] == "trial" and (name == "rnn" or (name, replicate) == ("lstm", 2)):
            record.update(status="failed", test=None)
    results = results_of(records)
    found = by_name(results, "sine")
    summary = results.summary.set_index("model")["test_loss"]
    for name in ("gru", "lstm", "persistence", "linear_ar"):
        assert found[name].loss == pytest.approx(summary[name])
    assert (found["lstm"].failed, found["lstm"].n, len(found["lstm"].values)) == (1, 5, 4)
    assert math.isnan(found["rnn"].loss)
    assert [each.name for each in results.conclusions.standings["tuned", "sine"]][:3] == ["gru", "lstm", "rnn"]


def test_implementations_of_one_cell_share_its_letters(synthetic: ModuleType, results_of: Make) -> None:
    results = results_of(synthetic.experiment(("copy",), ("gru", "rnn", "numpy_gru"), seeds=7, trials=1))
    found = by_name(results, "copy")
    assert (found["gru"].letters, found["numpy_gru"].letters, found["rnn"].letters) == ("a", "a", "b")
    assert found["persistence"].letters == ""


def test_forecast_origins_widen_the_interval(synthetic: ModuleType, results_of: Make) -> None:
    records = synthetic.experiment(("series",), ("gru", "lstm"), seeds=5, trials=1, protocol=2)
    plain = by_name(results_of(records), "series")["gru"]
    for record in records:
        if record["stage"] in ("trial", "reference"):
            record["origin"] = {"block": 5 - record["replicate"], "blocks": 5, "train_rows": 100, "test_rows": 20}
    wide = by_name(results_of(records), "series")["gru"]
    assert wide.loss == pytest.approx(plain.loss)
    ratio = math.log(wide.high / wide.low) / math.log(plain.high / plain.low)
    assert ratio == pytest.approx(math.sqrt(1 + 5 * 0.2))  # Nadeau and Bengio 2003
