import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.experiment.points import STARTS, count_trials, points_for_all, points_of_replicate
from bench.experiment.search import ASKED_AT_ONCE, BatchSearch, LoneTrial, Point, Points, Space, Study

SPACE = Space((16, 32, 64), (1, 2), (1e-4, 1e-1))
SAMPLERS = ("tpe", "random", "grid")


def loss_of(point: Point) -> float:
    return (math.log10(point.learning_rate) + 2) ** 2 + abs(point.hidden_size - 32) / 100 + point.num_layers / 100


def run(
    trials: int,
    sampler: str = "tpe",
    fail: frozenset[int] = frozenset(),
    points: Callable[..., Points] = points_of_replicate,
    space: Space = SPACE,
    seed: int = 0,
) -> tuple[list[Point], Point | None]:
    """The points that a search tries, and the best of them."""
    made = points(space, sampler, trials, [seed, "task"])
    search = BatchSearch(Study(space, made, [seed, "task"]), max(len(made.starts), ASKED_AT_ONCE))
    found: list[Point] = []
    while asked := search.next_trials():
        assert [trial.number for trial in asked] == list(range(len(found), len(found) + len(asked)))
        found += [trial.point for trial in asked]
        search.tell([record(trial.number, trial.point, fail) for trial in asked])
    return found, search.best


def record(number: int, point: Point, fail: frozenset[int]) -> dict[str, Any]:
    if number in fail:
        return {"status": "diverged", "curve": {"valid_loss": [1e-9]}}
    return {"status": "ok", "curve": {"valid_loss": [9.0, loss_of(point), None]}}


@pytest.mark.parametrize("points", [points_of_replicate, points_for_all])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_trials_and_the_best_is_the_lowest(
    sampler: str, points: Callable[..., Points]
) -> None:
    found, best = run(18, sampler, points=points)
    assert found == run(18, sampler, points=points)[0]
    assert len(found) == count_trials(SPACE, sampler, 18) == 18
    assert best == min(found, key=loss_of)
    assert all(point.hidden_size in SPACE.hidden_sizes and point.num_layers in SPACE.layers for point in found)
    assert all(1e-4 <= point.learning_rate <= 1e-1 for point in found)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_longer_search_of_a_replicate_begins_with_the_shorter_one(sampler: str) -> None:
    """Also where the shorter one ends within a batch, and after TPE has begun to learn."""
    longest, _ = run(30, sampler, fail=frozenset({3, 14}))
    for trials in (6, 12, 13, 17, 24):
        shorter, _ = run(trials, sampler, fail=frozenset({3, 14}))
        assert longest[: len(shorter)] == shorter


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_replicates_search_elsewhere(sampler: str) -> None:
    assert not set(run(6, sampler)[0]) & set(run(6, sampler, seed=1)[0])


def test_any_beginning_of_a_replicates_search_covers_the_learning_rates_and_the_sizes() -> None:
    for seed in range(20):
        points, _ = run(STARTS, seed=seed)
        for count in (4, 8):
            parts = sorted(int(count * (math.log10(p.learning_rate) + 4) / 3) for p in points[:count])
            assert parts == list(range(count))
        for count in (3, 6, 9):
            assert set(Counter(p.hidden_size for p in points[:count]).values()) == {count // 3}


def test_a_scheme_is_searched_where_there_are_several() -> None:
    points, _ = run(12, space=Space((8,), (1,), (1e-3, 1e-1), ("default", "chrono")))
    assert {point.init for point in points} == {"default", "chrono"}


def test_a_grid_has_every_size_and_depth_equally_often() -> None:
    points, _ = run(13, "grid")
    assert set(Counter((p.hidden_size, p.num_layers) for p in points).values()) == {2}
    assert len({p.learning_rate for p in points}) == 2
    assert count_trials(SPACE, "grid", 1) == 6


def test_a_replicates_grid_takes_the_middle_of_the_rates_then_quarters_then_eighths() -> None:
    points, _ = run(6 * 7, "grid")
    parts = [(math.log10(points[6 * turn].learning_rate) + 4) / 3 for turn in range(7)]
    assert np.allclose(parts, [1 / 2, 1 / 4, 3 / 4, 1 / 8, 5 / 8, 3 / 8, 7 / 8])


def test_the_first_points_of_the_search_for_all_cover_the_learning_rates_evenly() -> None:
    points, _ = run(6, points=points_for_all)
    sixths = sorted(int(6 * (math.log10(p.learning_rate) + 4) / 3) for p in points)
    assert sixths == [0, 1, 2, 3, 4, 5]
    assert len({(p.hidden_size, p.num_layers) for p in points}) == 6


def test_tpe_learns() -> None:
    points, _ = run(60)
    first, last = points[:STARTS], points[-20:]
    assert sum(map(loss_of, last)) / 20 < 0.5 * sum(map(loss_of, first)) / STARTS


def test_a_failed_trial_is_never_the_best_and_does_not_stop_the_search() -> None:
    points, best = run(8, fail=frozenset({0, 3, 7}))
    assert len(points) == 8
    assert best == min((p for i, p in enumerate(points) if i not in {0, 3, 7}), key=loss_of)


def test_where_all_fail_nothing_is_chosen() -> None:
    assert run(4, "random", fail=frozenset(range(4)))[1] is None


def test_a_space_of_one_point_has_one_trial() -> None:
    point = Space((8,), (1,), (0.01, 0.01)).only
    assert point == Point(8, 1, 0.01)
    search = LoneTrial(point)
    assert [trial.point for trial in search.next_trials()] == [point]
    assert search.next_trials() == []
    assert search.best == point
