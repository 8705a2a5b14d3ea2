"""How often a training is evaluated: as often as it can afford, and a trial less often than what is reported."""

from __future__ import annotations

import pytest

from bench.config.resolve import resolve
from bench.experiment.cell import SEARCH_REPLICATE, CellPlan
from bench.experiment.search import Point
from bench.training.evaluations import EVALUATED, EVALUATIONS, FEWEST_EVALUATIONS, count_evaluations


@pytest.mark.parametrize(
    ("flags", "searched", "scored"),
    [
        ({"tasks": "sine"}, 39, 19),  # 500 steps, 140 windows to evaluate: 13 and 27 times
        ({"tasks": "regression"}, 56, 50),  # 500 steps, 350 windows: 9 (5 would do) and 10 times
        ({"tasks": "copy"}, 112, 67),  # 1,000 steps, 500 sequences: 9 and 15 times
        ({"tasks": "sine", "budget": "full"}, 160, 160),  # 50 times, of 8,000 steps
        ({"tasks": "regression", "steps": "17"}, 2, 2),  # never less than nine times, if there are steps for it
        ({"tasks": "sine", "epochs": "3"}, 11, 11),  # 690 windows in batches of 64
    ],
)
def test_a_trial_of_the_search_for_all_is_evaluated_less_often_than_what_results_are_made_of(
    flags: dict[str, str], searched: int, scored: int
) -> None:
    made = resolve({"models": "gru", **flags})
    plan = CellPlan(made, made.matchings[0], made.tasks[0], made.entries[0], "cpu")
    assert plan.training(Point(8, 1, 1e-3), SEARCH_REPLICATE).interval == searched
    assert plan.training(Point(8, 1, 1e-3), 1).interval == scored


@pytest.mark.parametrize("validation", [1, 30, 140, 5000])
@pytest.mark.parametrize("trained", [64, 32_000, 10**7])
@pytest.mark.parametrize("share", [0.015, 0.03])
def test_evaluations_cost_their_share_at_most_where_there_are_more_than_the_fewest(
    trained: int, validation: int, share: float
) -> None:
    count = count_evaluations(trained, validation, share)
    assert FEWEST_EVALUATIONS <= count <= EVALUATIONS
    if count > FEWEST_EVALUATIONS:
        assert count * EVALUATED * validation <= share * trained
    if count < EVALUATIONS:  # and one more would cost too much
        assert (count + 1) * EVALUATED * validation > share * trained
