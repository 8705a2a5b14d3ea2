"""A model compared with itself: 5 % differ without luck, far more where all replicates share one search."""

from __future__ import annotations

import numpy as np
import pytest

from .same_model import Place, SamePair, Seen, expected, report, same_pairs, settled_both_ways, share

PLACE: Place = ("tuned", "sine")


def seen(luck: float, seeds: int, rng: np.random.Generator, models: int = 100) -> list[Seen]:
    """Experiments of 7 replicates; luck: sd, in standard deviations of a replicate, of what all replicates share."""
    return [
        Seen({(PLACE, f"model {m}"): rng.normal(rng.normal(0, luck), 1, 7) for m in range(models)}, {PLACE: None})
        for _ in range(seeds)
    ]


def test_replicates_that_are_independent_differ_in_five_percent() -> None:
    pairs = same_pairs(seen(0.0, 8, np.random.default_rng(0)))
    assert len(pairs) == 100 * 28
    assert sum(pair.disjoint for pair in pairs) == 100 * 4
    assert np.mean([pair.p < 0.05 for pair in pairs]) == pytest.approx(0.05, abs=0.025)


def test_the_luck_of_a_search_that_all_share_shows() -> None:
    pairs = same_pairs(seen(1.0, 8, np.random.default_rng(0)))
    assert np.mean([pair.p < 0.05 for pair in pairs]) > 0.25


def test_a_failure_is_the_worst_result() -> None:
    fine, failing = np.linspace(0, 1, 7), np.array([np.nan] * 4 + [0.4, 0.5, 0.6])
    one, other = ({(PLACE, "gru"): values, (PLACE, "rnn"): np.full(7, 9.0) + fine} for values in (fine, failing))
    found = same_pairs([Seen(one, {}), Seen(other, {})])
    assert [pair.p < 0.05 for pair in found] == [True, False]


def test_a_task_with_two_winners_is_settled_both_ways() -> None:
    losses = {(PLACE, model): np.linspace(0, 1, 7) for model in ("gru", "lstm")}
    agree = [Seen(losses, {PLACE: winner}) for winner in ("gru", None, "gru")]
    assert settled_both_ways(agree) == []
    assert "sine: gru under 2, not settled under 1 of 3." in report({"each": agree})
    contradict = [*agree, Seen(losses, {PLACE: "lstm"})]
    assert settled_both_ways(contradict) == [PLACE]
    assert "**settled both ways**" in report({"each": contradict})


def test_a_share_has_its_binomial_interval() -> None:
    pairs = [SamePair(PLACE, "gru", (0, 1), p) for p in (0.01, *(0.5 for _ in range(19)))]
    assert share(pairs) == ("20", "1", "5.0 % (0.1 to 24.9 %)")


def test_the_shares_without_a_difference_are_those_of_the_comparison_itself() -> None:
    rng = np.random.default_rng(0)
    tables = [same_pairs(seen(0.0, 4, rng, models=6)) for _ in range(200)]
    low, high = np.quantile([np.mean([pair.p < 0.05 for pair in pairs]) for pairs in tables], [0.025, 0.975])
    simulated = expected(tables[0], 7, rng).removesuffix(" %").split(" to ")
    assert [float(bound) / 100 for bound in simulated] == pytest.approx([low, high], abs=0.05)
