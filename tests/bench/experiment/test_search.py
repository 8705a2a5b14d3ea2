import math
from collections import Counter
from typing import Any

import pytest

from bench.experiment.search import Point, Space, Study, count_trials, search

SPACE = Space((16, 32, 64), (1, 2), (1e-4, 1e-1))


def loss_of(point: Point) -> float:
    return (math.log10(point.learning_rate) + 2) ** 2 + abs(point.hidden_size - 32) / 100 + point.num_layers / 100


def run(space: Space = SPACE, fail: frozenset[int] = frozenset(), **kwargs: Any) -> tuple[list[Point], Point | None]:
    study = search(Study(space, seed_parts=[0, "task"], **kwargs))
    points: list[Point] = []
    records = None
    while True:
        try:
            asked = next(study) if records is None else study.send(records)
        except StopIteration as end:
            return points, end.value
        assert [trial.number for trial in asked] == list(range(len(points), len(points) + len(asked)))
        points += [trial.point for trial in asked]
        records = [
            {"status": "diverged", "curve": {"valid_loss": [1e-9]}}
            if number in fail
            else {"status": "ok", "curve": {"valid_loss": [9.0, loss_of(point), None]}}
            for number, point, _ in asked
        ]


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_the_same_seed_gives_the_same_trials_and_the_best_is_the_lowest(sampler: str) -> None:
    points, best = run(sampler=sampler, trials=18)
    assert points == run(sampler=sampler, trials=18)[0]
    assert len(points) == count_trials(SPACE, sampler, 18) == 18
    assert best == min(points, key=loss_of)
    assert all(point.hidden_size in SPACE.hidden_sizes and point.num_layers in SPACE.layers for point in points)
    assert all(1e-4 <= point.learning_rate <= 1e-1 for point in points)


def test_a_grid_has_every_size_and_depth_equally_often() -> None:
    points, _ = run(sampler="grid", trials=13)
    assert set(Counter((p.hidden_size, p.num_layers) for p in points).values()) == {2}
    assert len({p.learning_rate for p in points}) == 2
    assert count_trials(SPACE, "grid", 1) == 6


def test_the_first_points_of_tpe_cover_the_learning_rates_evenly() -> None:
    points, _ = run(sampler="tpe", trials=6)
    sixths = sorted(int(6 * (math.log10(p.learning_rate) + 4) / 3) for p in points)
    assert sixths == [0, 1, 2, 3, 4, 5]
    assert len({(p.hidden_size, p.num_layers) for p in points}) == 6


def test_tpe_learns() -> None:
    points, _ = run(sampler="tpe", trials=60)
    first, last = points[:20], points[-20:]
    assert sum(map(loss_of, last)) < 0.5 * sum(map(loss_of, first))


def test_a_failed_trial_is_never_the_best_and_does_not_stop_the_search() -> None:
    points, best = run(sampler="tpe", trials=8, fail=frozenset({0, 3, 7}))
    assert len(points) == 8
    assert best == min((p for i, p in enumerate(points) if i not in {0, 3, 7}), key=loss_of)


def test_where_all_fail_nothing_is_chosen() -> None:
    assert run(sampler="random", trials=4, fail=frozenset(range(4)))[1] is None


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_space_of_one_point_needs_no_trial(sampler: str) -> None:
    space = Space((8,), (1,), (0.01, 0.01))
    assert run(space, sampler=sampler, trials=3) == ([], Point(8, 1, 0.01))
    assert count_trials(space, sampler, 3) == 0
