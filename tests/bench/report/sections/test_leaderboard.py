"""The leaderboard: order, failures, and the letters of what is not told apart."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from bench.analysis.results import Results
from bench.report.sections.leaderboard import leaderboard


def test_rows_are_in_order_of_the_geometric_mean_with_letters(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    records = [
        synthetic.training("series", model, replicate, quality=quality)
        for model, quality in (("rnn", 0.9), ("gru", 0.05), ("numpy_gru", 0.05), ("lstm", 0.055))
        for replicate in range(1, 8)
    ]
    results = results_of(records)
    table = leaderboard(results, "tuned")
    names = [row.cells[1].text for row in table.rows]
    losses = [row.cells[3].value for row in table.rows]
    assert losses == sorted(losses)  # type: ignore[type-var]
    letters = {row.cells[1].text: row.cells[1].note for row in table.rows}
    assert letters == {"gru": "group a", "numpy_gru": "group a", "lstm": "group a", "rnn": "group b"}
    assert names[-1] == "rnn"


def test_a_model_that_mostly_fails_is_last(synthetic: ModuleType, results_of: Callable[..., Results]) -> None:
    records = [synthetic.training("series", "gru", r, quality=0.2) for r in range(1, 6)]
    records += [
        synthetic.training("series", "lstm", r, quality=0.0001, status="ok" if r < 3 else "diverged")
        for r in range(1, 6)
    ]
    table = leaderboard(results_of(records), "tuned")
    assert [row.cells[1].text for row in table.rows] == ["gru", "lstm"]
    assert table.rows[1].cells[1].note.endswith("3 of 5 failed")


def test_where_sizes_are_chosen_in_each_replicate_the_caption_says_whose_they_are(
    synthetic: ModuleType, results_of: Callable[..., Results]
) -> None:
    note = "and need not belong to one configuration"
    own = results_of(synthetic.experiment(("series",), seeds=5, trials=6, protocol=2))
    assert own.selected["parameter_count"].nunique() > 2
    assert note in leaderboard(own, "tuned").caption
    once = results_of(synthetic.experiment(("series",), seeds=5, trials=6))
    assert note not in leaderboard(once, "tuned").caption


@pytest.mark.parametrize(("worst", "said"), [(60.0, True), (0.1, False)])
def test_the_caption_explains_a_skill_that_contradicts_the_loss(
    synthetic: ModuleType, results_of: Callable[..., Results], worst: float, said: bool
) -> None:
    """Six losses of about a tenth of the floor's and one of 60 times it: a mean skill far below 0, a geometric mean
    of about a quarter."""
    records = [synthetic.training("series", "gru", r, quality=0.1) for r in range(1, 7)]
    records += [synthetic.training("series", "gru", 7, quality=worst)]
    records += [
        synthetic.reference("series", "persistence", "floor", r, synthetic.FLOORS["series"]) for r in range(1, 8)
    ]
    caption = leaderboard(results_of(records), "tuned").caption
    note = " series, gru: skill and loss disagree on whether it beats persistence. Skill is a mean over replicates"
    assert (note in caption) == ("disagree" in caption) == said
