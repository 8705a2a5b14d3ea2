import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.analysis.alarms import alarms
from bench.analysis.results import Results
from bench.analysis.verdicts import comparisons, verdicts

Build = Callable[..., Results]


def _with_losses(synthetic: ModuleType, losses: dict[str, list[float]], task: str = "sine") -> list[dict[str, Any]]:
    """Confirmed trainings with given test losses."""
    records = []
    for model, values in losses.items():
        for replicate, loss in enumerate(values, start=1):
            record = synthetic.training(task, model, replicate)
            record["test"]["loss"] = loss
            records.append(record)
    return records


def test_a_clear_difference_is_settled_with_its_effect(synthetic: ModuleType, results_of: Build) -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, 6)
    losses = {"gru": [0.1] * 6, "lstm": list(0.2 * 10**noise)}
    (verdict,) = verdicts(results_of(_with_losses(synthetic, losses)))
    assert (verdict.winner, verdict.settled, verdict.n) == ("gru", True, 6)
    assert verdict.effect == pytest.approx(0.5 / 10 ** noise.mean())
    assert verdict.low < verdict.effect < verdict.high < 1
    assert verdict.headline.startswith("On sine, gru has the lower test loss: 0.")
    assert "times lstm's (95 % interval" in verdict.sentence


def test_flipping_the_data_flips_the_verdict(synthetic: ModuleType, results_of: Build) -> None:
    low, high = [0.1, 0.11, 0.09, 0.1, 0.105], [0.3, 0.31, 0.32, 0.29, 0.3]
    (one,) = verdicts(results_of(_with_losses(synthetic, {"gru": low, "lstm": high})))
    (other,) = verdicts(results_of(_with_losses(synthetic, {"gru": high, "lstm": low})))
    assert (one.winner, other.winner) == ("gru", "lstm")
    assert one.effect == pytest.approx(other.effect)


def test_fewer_than_five_replicates_are_never_settled(synthetic: ModuleType, results_of: Build) -> None:
    losses = {"gru": [0.001, 0.0011, 0.001, 0.001], "lstm": [0.9, 0.91, 0.9, 0.9]}
    (verdict,) = verdicts(results_of(_with_losses(synthetic, losses)))
    assert (verdict.winner, verdict.settled) == (None, False)
    assert "4 seeds in common cannot decide (5 are needed)" in verdict.sentence
    assert math.isnan(verdict.p_holm)


def test_an_interval_over_no_difference_is_not_settled(synthetic: ModuleType, results_of: Build) -> None:
    losses = {"gru": [0.1, 0.2, 0.1, 0.3, 0.2], "lstm": [0.2, 0.1, 0.15, 0.25, 0.2]}
    (verdict,) = verdicts(results_of(_with_losses(synthetic, losses)))
    assert verdict.winner is None
    assert verdict.low < 1 < verdict.high
    assert "not settled" in verdict.headline
    assert "covers no difference" in verdict.headline


def test_the_same_losses_are_said_to_be_the_same(synthetic: ModuleType, results_of: Build) -> None:
    losses = {"gru": [0.1, 0.2, 0.3, 0.4, 0.5], "numpy_gru": [0.1, 0.2, 0.3, 0.4, 0.5]}
    (verdict,) = verdicts(results_of(_with_losses(synthetic, losses)))
    assert verdict.winner is None
    assert "gru and numpy_gru have the same test loss to within 0.1 % (5 seeds)" in verdict.headline
    assert verdict.equal == ("gru", "numpy_gru")
    assert "nan" not in verdict.sentence.lower()


def test_a_difference_of_rounding_is_certain_and_still_no_victory(synthetic: ModuleType, results_of: Build) -> None:
    values = [0.1, 0.2, 0.3, 0.4, 0.5]
    rounding = 1 + np.array([1.0, 1.1, 0.9, 1.0, 1.05]) * 1e-6
    losses = {"gru": list(np.array(values) * rounding), "numpy_gru": values, "rnn": [3 * v for v in values]}
    (verdict,) = verdicts(results_of(_with_losses(synthetic, losses)))
    assert (verdict.winner, verdict.settled, set(verdict.equal)) == (None, False, {"gru", "numpy_gru"})
    assert "have the same and lowest test loss to within 0.1 % (5 seeds); numpy_gru beats rnn" in verdict.headline


def test_of_three_the_winner_must_beat_both(synthetic: ModuleType, results_of: Build) -> None:
    jitter = np.array([0.98, 1.01, 1.0, 1.02, 0.99, 1.0])
    losses = {"a": list(0.1 * jitter), "b": list(0.1 * jitter[::-1]), "c": list(0.5 * jitter**2)}
    (verdict,) = verdicts(results_of(_with_losses(synthetic, losses)))
    assert verdict.winner is None
    assert "not settled between" in verdict.headline
    assert "beats c" in verdict.headline
    losses["b"] = list(0.2 * jitter**2)
    (verdict,) = verdicts(results_of(_with_losses(synthetic, losses)))
    assert verdict.winner == "a"
    assert "lowest test loss of 3 models" in verdict.headline
    assert "of b, the nearest" in verdict.headline


def test_two_comparisons_of_a_task_are_told_apart(synthetic: ModuleType, results_of: Build) -> None:
    found = verdicts(results_of(synthetic.experiment(("sine",), matches=("tuned", "hidden"), trials=1)))
    starts = [verdict.sentence.split(",")[0] for verdict in found]
    assert starts == ["On sine with each model tuned", "On sine at equal hidden size"]


def test_holm_runs_over_all_pairs_of_the_experiment(synthetic: ModuleType, results_of: Build) -> None:
    pairs = comparisons(results_of(synthetic.experiment(models=("gru", "lstm", "rnn"), trials=1)))
    assert len(pairs) == 9
    smallest = min(pairs, key=lambda pair: pair.p)
    assert smallest.p_holm == pytest.approx(9 * smallest.p)
    assert all(pair.p_holm >= pair.p for pair in pairs)


def test_a_model_that_fails_more_does_not_win(synthetic: ModuleType, results_of: Build) -> None:
    low, high = [0.1, 0.11, 0.09, 0.1, 0.105, 0.1], [0.3, 0.31, 0.32, 0.29, 0.3, 0.3]
    records = _with_losses(synthetic, {"gru": low, "lstm": high})
    records[5] = synthetic.training("sine", "gru", 6, status="diverged")
    (verdict,) = verdicts(results_of(records))
    assert verdict.winner is None
    assert "gru failed on 1" in verdict.sentence


def test_all_failed_and_one_model(synthetic: ModuleType, results_of: Build) -> None:
    failed = [synthetic.training("sine", m, i, status="failed") for m in ("gru", "lstm") for i in (1, 2)]
    (verdict,) = verdicts(results_of(failed))
    assert verdict.sentence == "On sine, every training failed: nothing can be compared."
    (verdict,) = verdicts(results_of([synthetic.training("sine", "gru", i, quality=0.01) for i in (1, 2)]))
    assert "gru was trained alone" in verdict.sentence
    assert "gru solved 2 of 2 seeds" in verdict.sentence
    assert verdicts(results_of([])) == ()


def test_a_model_that_never_finished_does_not_stand_in_the_way(synthetic: ModuleType, results_of: Build) -> None:
    losses = {"gru": [0.1, 0.11, 0.09, 0.1, 0.105], "rnn": [0.3, 0.31, 0.32, 0.29, 0.3]}
    failed = [synthetic.training("sine", "lstm", i, status="failed") for i in range(1, 6)]
    (verdict,) = verdicts(results_of([*_with_losses(synthetic, losses), *failed]))
    assert verdict.winner == "gru"
    assert "lstm failed on 5" in verdict.sentence
    (verdict,) = verdicts(results_of([*_with_losses(synthetic, {"gru": losses["gru"]}), *failed]))
    assert (verdict.winner, verdict.settled) == (None, False)
    assert "gru alone finished" in verdict.sentence


def test_solved_seeds_are_counted_for_each_model(synthetic: ModuleType, results_of: Build) -> None:
    records = [synthetic.training("copy", "gru", i, quality=0.01) for i in range(1, 6)]
    records += [synthetic.training("copy", "lstm", i, quality=0.01 if i == 1 else 0.8) for i in range(1, 6)]
    (verdict,) = verdicts(results_of(records))
    assert "gru solved 5 of 5 seeds, lstm 1 of 5" in verdict.headline
    assert "recall_accuracy 0.9" in verdict.headline


def test_references_are_set_against_the_models(synthetic: ModuleType, results_of: Build) -> None:
    records = _with_losses(synthetic, {"gru": [0.5] * 5, "lstm": [0.6] * 5})
    floor = [synthetic.reference("sine", "persistence", "floor", i, 0.4) for i in range(1, 6)]
    linear = [synthetic.reference("sine", "linear_ar", "baseline", i, 1e-30, "two coefficients") for i in range(1, 6)]
    (verdict,) = verdicts(results_of([*records, *floor, *linear]))
    assert "No model beats the naive floor: persistence reaches 0.400, gru 0.500." in verdict.notes
    assert any(
        "linear_ar (two coefficients) reaches 1.00×10⁻³⁰: at this budget no recurrent net does better" in n
        for n in verdict.notes
    )
    good = _with_losses(synthetic, {"gru": [0.01] * 5, "lstm": [0.02] * 5})
    (verdict,) = verdicts(results_of([*good, *floor]))
    assert verdict.notes == ()


def test_the_same_model_twice_is_hardly_ever_settled(synthetic: ModuleType, results_of: Build) -> None:
    rng, settled = np.random.default_rng(5), 0
    template = _with_losses(synthetic, {"gru": [1.0] * 6, "again": [1.0] * 6}, "sine")
    template += _with_losses(synthetic, {"gru": [1.0] * 6, "again": [1.0] * 6}, "copy")
    for _ in range(60):
        for record in template:
            record["test"]["loss"] = float(rng.lognormal(0, 1))
        settled += any(pair.settled for pair in comparisons(results_of(template)))
    assert settled <= 7  # 5 % of 60, and three standard deviations


def test_alarms(synthetic: ModuleType, results_of: Build) -> None:
    limit = [synthetic.reference("regression", "noise", "limit", i, 0.02) for i in range(1, 4)]
    good = _with_losses(synthetic, {"gru": [0.03] * 3}, "regression")
    assert alarms(results_of([*good, *limit])) == ()
    (alarm,) = alarms(results_of([*_with_losses(synthetic, {"gru": [0.01] * 3}, "regression"), *limit]))
    assert "gru has a test loss of 0.0100, below the limit noise of 0.0200" in alarm
    (alarm,) = alarms(results_of([*good, synthetic.timing("regression", "gru", has_warnings=True)]))
    assert "not quiet while timing gru on regression" in alarm
    moved = {**synthetic.timing("regression", "lstm"), "environment": "elsewhere"}
    (alarm,) = alarms(results_of([*good, synthetic.timing("regression", "gru"), moved]))
    assert "2 environments" in alarm
