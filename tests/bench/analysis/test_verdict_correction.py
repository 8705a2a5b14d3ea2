"""Several models and tasks: who beats all rivals, and how p-values are corrected, so that all that is said agrees."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from bench.analysis import stats
from bench.analysis.results import Results
from bench.analysis.verdict import Verdict

Build = Callable[..., Results]


def only(results: Results) -> Verdict:
    (verdict,) = results.verdicts
    return verdict


def test_of_three_the_winner_must_beat_both(synthetic: ModuleType, results_of: Build) -> None:
    jitter = np.array([0.9, 1.1, 1.0, 1.2, 0.8, 1.0])
    losses = {"a": list(0.1 * jitter), "b": list(0.101 * jitter[::-1]), "c": list(0.9 * jitter**2)}
    verdict = only(results_of(synthetic.with_losses(losses)))
    assert (verdict.winner, verdict.beaten, verdict.unbeaten) == (None, ("c",), ("a", "b"))
    assert "no clear winner between a and b" in verdict.headline
    assert "a has a lower test loss than c" in verdict.headline
    assert verdict.letters == {"a": "a", "b": "a", "c": "b"}
    assert verdict.answer == "a or b"
    losses["b"] = list(0.5 * jitter**2)
    verdict = only(results_of(synthetic.with_losses(losses)))
    assert verdict.winner == "a"
    assert "the lowest test loss of 3 models" in verdict.headline
    assert "than b's, the nearest" in verdict.headline


def test_the_winner_has_one_p_a_task_corrected_over_tasks_alone(synthetic: ModuleType, results_of: Build) -> None:
    results = results_of(synthetic.experiment(models=("gru", "lstm", "rnn"), seeds=6, trials=1))
    pairs = results.conclusions.pairs
    assert len(pairs) == 9
    for verdict in results.verdicts:
        own = [p for p in pairs if p.task == verdict.task and verdict.leader in (p.first, p.second)]
        assert verdict.p == max(pair.p for pair in own)
    adjusted = stats.benjamini_hochberg([verdict.p for verdict in results.verdicts])
    assert [verdict.p_adjusted for verdict in results.verdicts] == pytest.approx(list(adjusted))
    over_pairs = stats.benjamini_hochberg([pair.p for pair in pairs])  # "beats" is corrected over all pairs
    assert [pair.p_adjusted for pair in results.conclusions.bare_pairs] == pytest.approx(list(over_pairs))


def test_an_open_verdict_has_a_rival_though_all_its_pairs_are_clear(synthetic: ModuleType, results_of: Build) -> None:
    """Many clear pairs of other tasks make the pairs' correction milder than that of the winners, of which none is."""
    noise = np.random.default_rng(1).normal(0, 0.02, (7, 7))
    equal = {f"task{place}": list(0.1 * 10 ** noise[place]) for place in range(6)}
    records = [
        record
        for task, losses in equal.items()
        for record in synthetic.with_losses({"gru": losses, "lstm": losses[::-1], "rnn": [0.9] * 7}, task)
    ]
    lower = list(0.098 * 10 ** noise[6])
    records += synthetic.with_losses({"gru": lower, "lstm": [0.1] * 7, "rnn": [0.9] * 7}, "open")
    results = results_of(records)
    found = next(verdict for verdict in results.verdicts if verdict.task == "open")
    assert all(pair.settled for pair in results.conclusions.bare_pairs if pair.task == "open")
    pairs = {(pair.first, pair.second): pair for pair in results.conclusions.pairs if pair.task == "open"}
    assert pairs["gru", "lstm"].p_adjusted == found.p_adjusted > 0.05
    assert pairs["gru", "rnn"].settled
    assert pairs["lstm", "rnn"].settled
    assert (found.state, found.leader, found.unbeaten) == ("not settled", "gru", ("gru", "lstm"))
    assert found.letters == {"gru": "a", "lstm": "a", "rnn": "b"}
    assert "gru or lstm" in found.answer
    assert "between gru and lstm" in found.headline


def test_a_winner_of_many_rivals_is_told_apart_from_each(synthetic: ModuleType, results_of: Build) -> None:
    """One question, whether it wins, is corrected more mildly than its many pairs."""
    noise = np.array([-3, -2, -1, 0, 1, 2, 3]) / 100
    rivals = {f"m{place}": list(0.1 * 10 ** np.roll(noise, place)) for place in range(1, 7)}
    losses = {"m0": [0.1 * 10**-0.022] * 7, **rivals}
    results = results_of(synthetic.with_losses(losses))
    assert only(results).winner == "m0"
    told = {frozenset((pair.first, pair.second)) for pair in results.conclusions.pairs if pair.settled}
    assert told == only(results).different
    changed = [
        pair.p_adjusted
        for bare, pair in zip(results.conclusions.bare_pairs, results.conclusions.pairs, strict=True)
        if bare != pair
    ]
    assert changed
    assert set(changed) == {only(results).p_adjusted}
