"""Models in pairs: known times to target against SciPy and hand-computed means, families of tests, and A/A."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.analysis import stats
from bench.analysis.pair_table import COLUMNS
from bench.analysis.results import Results
from bench.report.sections.pair_tables import loss_pairs, step_pairs

Build = Callable[..., Results]
BUDGET = 1000
GRU = [100.0, 200.0, 150.0, 120.0, 180.0, 160.0]
LSTM = [300.0, None, 350.0, 500.0, None, 420.0]


def experiment(synthetic: ModuleType, times: dict[str, list[float | None]], task: str = "sine") -> list[dict[str, Any]]:
    """Confirmed trainings with these steps to target."""
    return [
        {**synthetic.training(task, model, replicate, steps=BUDGET), "steps_to_target": steps}
        for model, values in times.items()
        for replicate, steps in enumerate(values, start=1)
    ]


def row(results: Results) -> dict[str, Any]:
    table = results.conclusions.pair_table
    assert tuple(table.columns) == COLUMNS
    (found,) = table.to_dict("records")
    return found


def test_restricted_means_and_their_difference_by_hand(synthetic: ModuleType, results_of: Build) -> None:
    found = row(results_of(experiment(synthetic, {"gru": GRU, "lstm": LSTM})))
    cut = [BUDGET if steps is None else steps for steps in LSTM]
    assert found["restricted_mean_steps_first"] == pytest.approx(np.mean(GRU))
    assert found["restricted_mean_steps_second"] == pytest.approx(np.mean(cut))
    ratios = np.log(np.array(GRU) / np.array(cut))
    expected = scipy_stats.ttest_1samp(ratios, 0).confidence_interval()
    assert found["steps_ratio"] == pytest.approx(np.exp(ratios.mean()))
    bounds = [found["steps_ratio_low"], found["steps_ratio_high"]]
    assert bounds == pytest.approx([np.exp(expected.low), np.exp(expected.high)])
    assert found["steps_p"] == 2 / 2**6  # every pair has the same sign
    assert (found["solved_first"], found["solved_second"], found["steps_n"]) == (6, 4, 6)
    assert found["solved_p"] == scipy_stats.binomtest(2, 2).pvalue
    assert found["horizon_steps"] == BUDGET


def test_the_log_rank_p_is_that_of_the_unpaired_times(synthetic: ModuleType, results_of: Build) -> None:
    found = row(results_of(experiment(synthetic, {"gru": GRU, "lstm": LSTM})))
    assert found["log_rank_p"] == pytest.approx(
        2 / math.comb(12, 6)
    )  # apart as far as can be: this division, and its mirror


def test_the_effect_size_is_the_mean_over_the_spread_of_paired_log_losses(
    synthetic: ModuleType, results_of: Build
) -> None:
    records = experiment(synthetic, {"gru": GRU, "lstm": LSTM})
    losses = {m: np.array([r["test"]["loss"] for r in records if r["model"]["name"] == m]) for m in ("gru", "lstm")}
    difference = np.log(losses["gru"]) - np.log(losses["lstm"])
    expected = difference.mean() / difference.std(ddof=1) * (1 - 3 / (4 * 5 - 1))
    results = results_of(records)
    assert row(results)["effect_size"] == pytest.approx(expected)
    (pair,) = results.conclusions.pairs
    assert pair.seen_from("lstm").effect_size == pytest.approx(-expected)
    assert row(results)["loss_ratio"] == pytest.approx(pair.effect)


def test_flipping_the_times_flips_the_difference(synthetic: ModuleType, results_of: Build) -> None:
    one = row(results_of(experiment(synthetic, {"gru": GRU, "lstm": LSTM})))
    other = row(results_of(experiment(synthetic, {"gru": LSTM, "lstm": GRU})))
    assert one["steps_ratio"] == pytest.approx(1 / other["steps_ratio"])
    assert one["log_rank_p"] == pytest.approx(other["log_rank_p"])


def test_a_training_that_failed_never_got_there(synthetic: ModuleType, results_of: Build) -> None:
    records = experiment(synthetic, {"gru": GRU, "lstm": LSTM})
    records[0] |= {"status": "diverged", "test": None}
    found = row(results_of(records))
    assert found["solved_first"] == 5
    assert found["restricted_mean_steps_first"] == pytest.approx((sum(GRU[1:]) + BUDGET) / 6)
    assert found["steps_n"] == 6
    assert (found["n"], found["failed_first"], found["failed_second"]) == (6, 1, 0)


def test_four_seeds_have_no_adjusted_p_and_nobody_solved_nothing_at_all(
    synthetic: ModuleType, results_of: Build
) -> None:
    few = row(results_of(experiment(synthetic, {"gru": GRU[:4], "lstm": LSTM[:4]})))
    assert math.isnan(few["steps_p_adjusted"])
    assert math.isnan(few["log_rank_p_adjusted"])
    assert math.isfinite(few["steps_p"])
    results = results_of(experiment(synthetic, {"gru": [None] * 6, "lstm": [None] * 6}))
    nobody = row(results)
    assert math.isnan(nobody["log_rank_p"])
    assert math.isnan(nobody["steps_ratio"])
    assert math.isnan(nobody["solved_p"])
    assert nobody["restricted_mean_steps_first"] == BUDGET
    assert not step_pairs(results, "tuned")
    assert loss_pairs(results, "tuned")


def test_each_test_is_adjusted_over_all_tasks(synthetic: ModuleType, results_of: Build) -> None:
    records = [r for t in ("sine", "copy", "regression") for r in experiment(synthetic, {"gru": GRU, "lstm": LSTM}, t)]
    table = results_of(records).conclusions.pair_table
    for name in ("steps_p", "log_rank_p"):
        np.testing.assert_allclose(table[f"{name}_adjusted"], stats.benjamini_hochberg(table[name]))


def test_the_same_records_give_the_same_table(synthetic: ModuleType, results_of: Build) -> None:
    records = experiment(synthetic, {"gru": GRU, "lstm": LSTM})
    assert row(results_of(records)) == row(results_of(records))


def test_a_report_shows_a_folded_row_a_pair_and_no_table_of_too_many(synthetic: ModuleType, results_of: Build) -> None:
    results = results_of(experiment(synthetic, {"gru": GRU, "lstm": LSTM}))
    (losses,), (steps,) = loss_pairs(results, "tuned"), step_pairs(results, "tuned")
    assert losses.folded
    assert steps.folded
    words = ["sine", "gru against lstm", "6 of 6 against 4 of 6", "0.5", "152", "595"]
    assert [cell.text for cell in steps.rows[0].cells[:6]] == words
    many = results_of(experiment(synthetic, {f"m{i}": GRU for i in range(9)}))
    (text,) = loss_pairs(many, "tuned")
    assert "pairs.csv" in text.text


@pytest.mark.parametrize("mean_steps", [1100, 60], ids=["four in ten never get there", "all get there"])
def test_equal_models_differ_in_at_most_one_experiment_in_twenty(
    synthetic: ModuleType, results_of: Build, mean_steps: float
) -> None:
    """A/A over two tasks and three models that are one."""
    rng, experiments = np.random.default_rng(8), 120
    found = {"log_rank_p_adjusted": 0, "steps_p_adjusted": 0}
    template = [r for t in ("a", "b") for r in experiment(synthetic, {m: [1.0] * 8 for m in "xyz"}, t)]
    for _ in range(experiments):
        drawn = rng.exponential(mean_steps, len(template))
        records = [
            {**record, "curve": None, "steps_to_target": float(t) if t < BUDGET else None}
            for record, t in zip(template, drawn, strict=True)
        ]
        table = results_of(records).conclusions.pair_table
        for name in found:
            found[name] += bool((table[name] < 0.05).any())
    for name, times in found.items():
        assert times / experiments <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / experiments), name


def test_steps_that_all_got_there_are_compared_by_students_t(synthetic: ModuleType, results_of: Build) -> None:
    """The sign flips could not settle it among many pairs: with 6 replicates their p is 0.03 at the least."""
    slower = [310.0, 590.0, 480.0, 350.0, 560.0, 470.0]
    found = row(results_of(experiment(synthetic, {"gru": GRU, "lstm": slower})))
    expected = scipy_stats.ttest_rel(np.log(GRU), np.log(slower))
    assert found["steps_p"] == pytest.approx(expected.pvalue)
    assert found["steps_p"] < 1e-5


def test_steps_that_differ_by_the_same_are_compared_by_sign_flips(synthetic: ModuleType, results_of: Build) -> None:
    """Equal differences have no spread, and a t-test would be certain of them."""
    found = row(results_of(experiment(synthetic, {"gru": GRU, "lstm": [2 * steps for steps in GRU]})))
    assert found["steps_p"] == 2 / 2**6


def test_steps_skewed_against_the_leader_are_tested_with_their_skewness(
    synthetic: ModuleType, results_of: Build
) -> None:
    slower = [202.0, 400.0, 299.0, 244.0, 130.0, 317.0]
    found = row(results_of(experiment(synthetic, {"gru": GRU, "lstm": slower})))
    ratios = np.log(np.array(GRU) / np.array(slower))
    assert stats.skewed_against(ratios)
    assert found["steps_p"] == pytest.approx(stats.skew_adjusted(ratios).p)
    assert found["steps_p"] > scipy_stats.ttest_1samp(ratios, 0).pvalue
