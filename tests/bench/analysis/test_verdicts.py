"""Verdicts on data whose truth is known: who wins, who is equal, whether a net is needed, and in what words."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis import stats
from bench.analysis.results import Results
from bench.analysis.verdict import Verdict

Build = Callable[..., Results]
LOW, HIGH = [0.1, 0.11, 0.09, 0.1, 0.105, 0.1, 0.098], [0.3, 0.31, 0.32, 0.29, 0.3, 0.3, 0.31]


def only(results: Results) -> Verdict:
    (verdict,) = results.verdicts
    return verdict


def test_a_clear_difference_is_settled_with_its_effect(synthetic: ModuleType, results_of: Build) -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, 6)
    verdict = only(results_of(synthetic.with_losses({"gru": [0.1] * 6, "lstm": list(0.2 * 10**noise)})))
    assert (verdict.winner, verdict.settled, verdict.n, verdict.answer) == ("gru", True, 6, "gru")
    assert verdict.effect == pytest.approx(0.5 / 10 ** noise.mean())
    assert verdict.low < verdict.effect < verdict.high < 1
    assert verdict.headline.startswith("On sine, gru has the lower test loss: ")
    assert "lower than lstm's (95 % interval " in verdict.headline
    assert verdict.letters == {"gru": "a", "lstm": "b"}


def test_flipping_the_data_flips_the_verdict(synthetic: ModuleType, results_of: Build) -> None:
    one = only(results_of(synthetic.with_losses({"gru": LOW, "lstm": HIGH})))
    other = only(results_of(synthetic.with_losses({"gru": HIGH, "lstm": LOW})))
    assert (one.winner, other.winner) == ("gru", "lstm")
    assert one.effect == pytest.approx(other.effect)


def test_fewer_than_five_replicates_are_never_settled(synthetic: ModuleType, results_of: Build) -> None:
    losses = {"gru": [0.001, 0.0011, 0.001, 0.001], "lstm": [0.9, 0.91, 0.9, 0.9]}
    verdict = only(results_of(synthetic.with_losses(losses)))
    assert (verdict.winner, verdict.settled, verdict.answer) == (None, False, "can't tell yet")
    assert "4 replicates cannot decide (5 are needed)" in verdict.headline
    assert math.isnan(verdict.p_adjusted)


def test_an_interval_over_no_difference_says_what_is_plausible(synthetic: ModuleType, results_of: Build) -> None:
    losses = {"gru": [0.1, 0.2, 0.1, 0.3, 0.2], "lstm": [0.2, 0.1, 0.15, 0.25, 0.2]}
    verdict = only(results_of(synthetic.with_losses(losses)))
    assert verdict.winner is None
    assert verdict.low < 1 < verdict.high
    assert "no clear winner" in verdict.headline
    assert "lower to" in verdict.headline
    assert "higher is plausible (95 %, 5 replicates)" in verdict.headline
    assert any("would have been found in 4 of 5 such experiments" in note for note in verdict.notes)
    assert any("chance of being settled with 20 replicates" in note for note in verdict.notes)


def test_losses_within_the_margin_are_practically_equal(synthetic: ModuleType, results_of: Build) -> None:
    jitter = np.array([1.0, 1.01, 0.99, 1.005, 0.995, 1.0, 1.002])
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.2, 0.3])
    verdict = only(results_of(synthetic.with_losses({"gru": list(values), "lstm": list(values * jitter)})))
    assert (verdict.state, verdict.winner, set(verdict.equal)) == ("equal", None, {"gru", "lstm"})
    assert "are practically equal: their test losses differ by less than 5 %" in verdict.headline
    assert verdict.answer == "gru or lstm"
    wide = only(results_of(synthetic.with_losses({"gru": list(values), "lstm": list(values * jitter**40)})))
    assert wide.state == "not settled"


def test_twins_are_one_cell_and_cannot_tie_with_themselves(synthetic: ModuleType, results_of: Build) -> None:
    rounding = 1 + np.array([1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0]) * 1e-6
    losses = {"gru": LOW, "numpy_gru": list(np.array(LOW) * rounding), "lstm": HIGH}
    results = results_of(synthetic.with_losses(losses))
    assert [each.implementations for each in results.conclusions.contenders] == [("gru", "numpy_gru"), ("lstm",)]
    verdict = only(results)
    assert (verdict.winner, [name for name, _ in verdict.ranking]) == ("gru", ["gru", "lstm"])
    assert "gru and numpy_gru are one cell implemented twice: their losses agree to within 0.1 %." in verdict.notes
    assert [(pair.first, pair.second) for pair in results.conclusions.pairs] == [("gru", "lstm")]
    assert len(results.conclusions.pair_table) == 2


def test_implementations_that_differ_are_named(synthetic: ModuleType, results_of: Build) -> None:
    verdict = only(results_of(synthetic.with_losses({"gru": LOW, "numpy_gru": HIGH, "lstm": HIGH})))
    assert any("and yet their losses differ" in note for note in verdict.notes)


def test_equal_weights_with_another_first_loss_are_no_twins(synthetic: ModuleType, results_of: Build) -> None:
    records = synthetic.with_losses({"gru": LOW, "numpy_gru": HIGH})
    for record in records:
        if record["model"]["name"] == "numpy_gru":
            record["curve"]["valid_loss"][0] *= 1.01
    results = results_of(records)
    assert [each.name for each in results.conclusions.contenders] == ["gru", "numpy_gru"]
    assert only(results).winner == "gru"


def test_comparisons_are_named_in_plain_words(synthetic: ModuleType, results_of: Build) -> None:
    matches = ("tuned", "hidden", "params 1000", "hidden 20×1", "hidden 8×2")
    found = results_of(synthetic.experiment(("sine",), matches=matches, trials=1)).verdicts
    starts = [verdict.headline.split(", gru")[0].split(", no ")[0] for verdict in found]
    assert starts == [
        "On sine, with each model tuned",
        "On sine, at equal hidden size",
        "On sine, at 1,000 parameters",
        "On sine, at hidden size 20 and 1 layer",
        "On sine, at hidden size 8 and 2 layers",
    ]


def test_failures_are_the_worst_result(synthetic: ModuleType, results_of: Build) -> None:
    """One rare failure takes a sure win away; a rival that nearly always fails loses."""
    rare = only(results_of(synthetic.with_losses({"gru": [*LOW[:6], None], "lstm": HIGH})))
    assert rare.winner is None
    assert "gru failed in 1 of 7 replicates" in rare.sentence
    often = only(results_of(synthetic.with_losses({"gru": LOW, "lstm": [0.05, *[None] * 6]})))
    assert often.winner == "gru"
    assert "a failure counts as the worst result" in often.headline
    assert often.ranking[0][0] == "gru"


def test_a_model_with_few_finished_replicates_removes_nobody_elses_pairs(
    synthetic: ModuleType, results_of: Build
) -> None:
    losses = {"gru": LOW, "lstm": HIGH, "rnn": [0.9, 0.8, *[None] * 5]}
    results = results_of(synthetic.with_losses(losses))
    pair = next(p for p in results.conclusions.pairs if {p.first, p.second} == {"gru", "lstm"})
    assert pair.n == 7
    assert only(results).winner == "gru"


def test_all_failed_and_one_model(synthetic: ModuleType, results_of: Build) -> None:
    failed = synthetic.with_losses({"gru": [None] * 2, "lstm": [None] * 2})
    verdict = only(results_of(failed))
    assert verdict.headline == "On sine, every training failed, so nothing can be compared."
    assert verdict.answer == "can't tell yet"
    alone = only(results_of([synthetic.training("sine", "gru", i, quality=0.01) for i in (1, 2)]))
    assert "gru is the only model of this run" in alone.headline
    rival = synthetic.with_losses({"gru": LOW, "lstm": [None] * 7})
    assert "gru was the only model to finish" in only(results_of(rival)).headline
    assert "gru reached the target in 2 of 2 replicates." in alone.notes
    assert results_of([]).verdicts == ()


def test_a_model_that_never_finished_does_not_stand_in_the_way(synthetic: ModuleType, results_of: Build) -> None:
    verdict = only(results_of(synthetic.with_losses({"gru": LOW[:5], "rnn": HIGH[:5], "lstm": [None] * 5})))
    assert verdict.winner == "gru"
    assert "lstm failed in 5 of 5 replicates" in verdict.sentence


def test_the_words_have_no_missing_numbers(synthetic: ModuleType, results_of: Build) -> None:
    for losses in ({"gru": LOW, "lstm": [None] * 7}, {"gru": [0.1], "lstm": [None]}, {"gru": [0.0] * 7, "lstm": HIGH}):
        assert "nan" not in only(results_of(synthetic.with_losses(losses))).sentence.lower()


def test_a_series_speaks_of_forecast_origins_and_shares_of_blocks(synthetic: ModuleType, results_of: Build) -> None:
    """Ten replicates over five blocks are five values, and what the folds share widens the interval."""
    rng = np.random.default_rng(4)
    base = 10 ** rng.normal(-1, 0.2, 10)
    records = synthetic.with_losses({"gru": list(base), "lstm": list(base * 10 ** rng.normal(0.3, 0.1, 10))}, "series")
    plain = only(results_of(copy.deepcopy(records)))
    for record in records:
        block = (record["replicate"] - 1) % 5
        record["origin"] = {"block": block, "blocks": 5, "train_rows": 200 + 20 * block, "test_rows": 20}
    results = results_of(records)
    verdict = only(results)
    assert (plain.n, verdict.n) == (10, 5)
    assert "5 forecast origins" in verdict.headline
    (pair,) = results.conclusions.pairs
    means = np.array([np.mean([math.log10(lstm / gru) for lstm, gru in _blocks(records, block)]) for block in range(5)])
    expected = stats.corrected_paired(-means, [200 + 20 * b for b in range(5)], [20] * 5)
    assert pair.seen_from("gru").p == pytest.approx(expected.p)
    assert results.trainings["block"].tolist() == [record["origin"]["block"] for record in records]


def _blocks(records: list[dict[str, Any]], block: int) -> list[tuple[float, float]]:
    """The losses (lstm, gru) of the replicates of a block."""
    own = [r for r in records if r["origin"]["block"] == block]
    sides = {m: [r["test"]["loss"] for r in own if r["model"]["name"] == m] for m in ("lstm", "gru")}
    return list(zip(sides["lstm"], sides["gru"], strict=True))
