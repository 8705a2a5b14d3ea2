"""Successive halving: which trials go on, and where they stop."""

import math
from collections import Counter

import pytest

from bench.experiment.points import points_of_replicate
from bench.experiment.pruning import PrunedSearch, count_steps, count_trainings, rungs
from bench.experiment.search import Point, Space, Study, Trial

SPACE = Space((16, 32, 64), (1, 2), (1e-4, 1e-1))


def loss_of(point: Point) -> float:
    return (math.log10(point.learning_rate) + 2) ** 2 + abs(point.hidden_size - 32) / 100 + point.num_layers / 1000


def run(
    trials: int,
    steps: int = 90,
    fail: frozenset[int] = frozenset(),
    plateau: int = 0,
    early: frozenset[int] = frozenset(),
) -> tuple[list[list[Trial]], Point | None]:
    """plateau: steps before which trials have a loss of 50, but for those in `early`."""

    def lowest(trial: Trial) -> float:
        done = trial.steps or steps
        return 50.0 if done < plateau and trial.number not in early else loss_of(trial.point) + 10 / done

    points = points_of_replicate(SPACE, "tpe", trials, [0])
    search = PrunedSearch(Study(SPACE, points, [0]), steps, 2)
    batches: list[list[Trial]] = []
    while asked := search.next_trials():
        batches.append(asked)
        search.tell(
            [
                {"status": "diverged", "curve": {"valid_loss": [0.0]}}
                if trial.number in fail
                else {
                    "status": "ok",
                    "curve": {"valid_loss": [99.0, lowest(trial)]},
                }
                for trial in asked
            ]
        )
    return batches, search.best


def test_a_ninth_of_a_bracket_is_trained_to_the_end_and_it_is_the_best() -> None:
    batches, best = run(18)
    assert [(len(batch), batch[0].steps) for batch in batches] == [(9, 10), (3, 30), (1, None)] * 2
    for rung, following in ((0, 1), (1, 2), (3, 4), (4, 5)):
        ranked = sorted(batches[rung], key=lambda trial: loss_of(trial.point))
        assert {t.number for t in batches[following]} == {t.number for t in ranked[: len(batches[following])]}
    whole = [trial for batch in batches for trial in batch if trial.steps is None]
    assert best == min((trial.point for trial in whole), key=loss_of)
    assert run(18) == (batches, best)


@pytest.mark.parametrize("trials", [1, 2, 4, 9, 10, 30])
def test_as_many_trainings_as_were_planned(trials: int) -> None:
    batches, best = run(trials)
    assert sum(map(len, batches)) == count_trainings(trials, 90, 2)
    assert sum(trial.steps or 90 for batch in batches for trial in batch) == count_steps(trials, 90, 2)
    assert {trial.number for batch in batches for trial in batch} == set(range(trials))
    assert best is not None


@pytest.mark.parametrize("trials", [2, 3, 4, 5, 6, 7, 8, 9, 18])
def test_trials_that_a_stop_does_not_tell_apart_are_trained_to_the_end(trials: int) -> None:
    """All on a plateau at the first stop: as many trainings as were planned, and no second stop."""
    batches, best = run(trials, plateau=30)
    assert all(trial.steps in (10, None) for batch in batches for trial in batch)
    assert sum(map(len, batches)) == count_trainings(trials, 90, 2)
    whole = [trial for batch in batches for trial in batch if trial.steps is None]
    assert best == min((trial.point for trial in whole), key=loss_of)
    if trials == 9:
        assert len(whole) == 4


def test_a_plateau_that_some_trials_have_left_is_no_plateau() -> None:
    """Three of nine go on, and three have left it."""
    batches, _ = run(9, plateau=30, early=frozenset({1, 4, 6}))
    assert {trial.number for trial in batches[1]} == {1, 4, 6}
    assert batches[1][0].steps == 30
    batches, _ = run(9, plateau=30, early=frozenset({1, 4}))
    assert {1, 4} < {trial.number for trial in batches[1]}
    assert (len(batches[1]), batches[1][0].steps) == (4, None)


def test_a_cell_that_learns_late_is_not_compared_by_a_trial_that_chance_chose() -> None:
    """Nothing is known at the first stop; the lower bound of what is lost is that of the best of 4 of 9 at random."""
    batches, best = run(9, plateau=80)
    losses = sorted(loss_of(trial.point) for trial in batches[0])
    assert best is not None
    assert loss_of(best) <= losses[5]


def test_a_trial_that_fails_never_goes_on_and_where_all_fail_nothing_is_chosen() -> None:
    batches, _ = run(9, fail=frozenset(range(7)))
    assert Counter(trial.number for batch in batches for trial in batch)[7] >= 2
    assert {trial.number for batch in batches[1:] for trial in batch} <= {7, 8}
    assert run(9, fail=frozenset(range(9)))[1] is None


@pytest.mark.parametrize(
    ("steps", "interval", "trials", "expected"),
    [(90, 2, 9, [10, 30, None]), (3000, 60, 9, [360, 1020, None]), (2, 1, 9, [1, None]), (1, 1, 9, [None])],
)
def test_rungs_are_on_evaluations(steps: int, interval: int, trials: int, expected: list[int | None]) -> None:
    assert rungs(steps, interval, trials) == expected
    assert all(stop is None or stop % interval == 0 for stop in expected)


def test_a_lone_trial_is_trained_whole_at_once() -> None:
    assert rungs(90, 2, 1) == [None]
