"""The area under a log-loss curve as a slow-down: closed forms, and an independent integral."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from bench.gate.slow_down import FEWEST_STEPS, Levels, LossCurve, common_levels, loss_curve, mean_steps
from tasks.contract import Target

BUDGET = 1000


def curve(log10_loss: Callable[[float], float], steps: Sequence[int], *, solved: bool = True) -> LossCurve:
    return LossCurve(tuple(steps), tuple(10 ** log10_loss(step) for step in steps), solved, BUDGET)


def ratio(before: LossCurve, now: LossCurve) -> float:
    levels = common_levels([before, now])
    assert levels is not None
    return mean_steps(now, levels, BUDGET) / mean_steps(before, levels, BUDGET)


SHAPES: dict[str, Callable[[float], float]] = {
    "a line": lambda t: -t / 100,
    "fast, then slow": lambda t: -math.sqrt(t / 10),
    "a plateau": lambda t: -t / 50 if t < 60 else -1.2 if t < 200 else -1.2 - (t - 200) / 40,
    "it rises now and then": lambda t: -t / 100 + 0.2 * math.sin(t / 7),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("slower", [0.5, 1.0, 1.5, 3.0])
def test_a_curve_that_is_stretched_by_s_is_a_slow_down_by_s(shape: str, slower: float) -> None:
    steps = np.arange(0, 301, 10)
    before = curve(SHAPES[shape], steps.tolist())
    stretched = LossCurve(tuple(int(s * slower) for s in steps), before.valid_loss, True, BUDGET)
    assert ratio(before, stretched) == pytest.approx(slower, rel=1e-12)


def test_a_straight_line_takes_half_of_its_steps_on_average() -> None:
    line = curve(lambda t: -t / 100, range(0, 301, 10))
    assert mean_steps(line, Levels(-3.0, 0.0), BUDGET) == pytest.approx(150)
    assert mean_steps(line, Levels(-3.0, -2.0), BUDGET) == pytest.approx(250)
    assert mean_steps(line, Levels(-1.0, 2.0), BUDGET) == pytest.approx(50 / 3)  # it starts below two thirds of them


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("levels", [Levels(-3.5, 0.1), Levels(-1.3, -0.7)])
def test_it_is_the_area_between_two_levels(shape: str, levels: Levels) -> None:
    """By the rectangle rule on a fine grid, which knows nothing of segments."""
    found = curve(SHAPES[shape], range(0, 301, 10))
    grid = np.arange(0.0005, 300, 0.001)
    values = np.interp(grid, found.step, np.log10(found.valid_loss))
    area = float(np.mean(np.clip(values, *levels) - levels.bottom)) * 300
    assert mean_steps(found, levels, BUDGET) * (levels.top - levels.bottom) == pytest.approx(area, rel=1e-6)


def test_the_area_is_the_mean_over_levels_of_the_steps_above_each() -> None:
    """The other side of Fubini's theorem."""
    found, levels = curve(SHAPES["it rises now and then"], range(0, 301, 10)), Levels(-2.9, 0.0)
    values = np.interp(np.arange(0.05, 300, 0.1), found.step, np.log10(found.valid_loss))
    above = [float(np.mean(values > level)) * 300 for level in np.linspace(*levels, 4001)]
    assert mean_steps(found, levels, BUDGET) == pytest.approx(np.mean(above), rel=1e-3)


def test_levels_that_are_not_reached_count_as_reached_at_the_end_of_the_budget() -> None:
    slow = curve(lambda t: -t * 1.5 / BUDGET, range(0, BUDGET + 1, 10), solved=False)
    assert mean_steps(slow, Levels(-3.0, 0.0), BUDGET) == pytest.approx((BUDGET / 2 + BUDGET) / 2)


def test_a_training_that_diverged_or_failed_is_above_all_levels_from_then_on() -> None:
    half = curve(lambda t: -t / 100, range(0, 151, 10), solved=False)
    assert mean_steps(half, Levels(-3.0, 0.0), BUDGET) == pytest.approx(150 * 0.75 + (BUDGET - 150))
    assert mean_steps(None, Levels(-3.0, 0.0), BUDGET) == BUDGET


def test_a_loss_above_the_start_counts_as_the_start() -> None:
    spike = LossCurve((0, 10, 20, 30), (1.0, 1e9, 1.0, 1e-3), True, BUDGET)
    assert mean_steps(spike, Levels(-3.0, 0.0), BUDGET) == pytest.approx(20 + 5)


def test_solved_trainings_are_compared_down_to_what_all_of_them_reached() -> None:
    deep, shallow = (curve(lambda t: -t / 100, range(0, end + 1, 10)) for end in (300, 250))
    never = curve(lambda t: -t / 1000, range(0, 1001, 10), solved=False)
    assert common_levels([deep, shallow]) == pytest.approx((-2.5, 0))
    assert common_levels([deep, never]) == pytest.approx((-3, 0))
    assert common_levels([never, None]) == pytest.approx((-1, 0))
    assert common_levels([None, None]) is None


def test_what_is_solved_by_its_initial_weights_has_no_speed() -> None:
    start = LossCurve((0,), (1e-4,), True, BUDGET)
    assert mean_steps(start, Levels(-4.0, -4.0), BUDGET) == FEWEST_STEPS
    assert ratio(start, start) == 1


def test_a_small_change_of_one_evaluation_changes_little() -> None:
    """One crossing jumps by a whole interval where a loss just misses the target; the area does not."""
    before = curve(lambda t: -t / 100, range(0, 301, 10))
    losses = list(before.valid_loss)
    losses[-2] *= 1.05
    assert ratio(before, LossCurve(before.step, tuple(losses), True, BUDGET)) == pytest.approx(1, abs=0.002)


BELOW = Target("loss", 0.1, "below")


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0, 0.5, 0.05, 0.01], LossCurve((0, 10, 20), (1.0, 0.5, 0.05), True, 40)),
        ([1.0, 0.5, 0.5, 0.5], LossCurve((0, 10, 20, 30), (1.0, 0.5, 0.5, 0.5), False, 40)),
        ([1.0, 0.5, None, None], LossCurve((0, 10), (1.0, 0.5), False, 40)),
        ([1.0, math.nan, 0.01, 0.01], LossCurve((0,), (1.0,), False, 40)),
        ([None, None, None, None], None),
        ([1.23456789, 0.01, 0.01, 0.01], LossCurve((0, 10), (1.23457, 0.01), True, 40)),
    ],
)
def test_a_curve_ends_at_its_target_or_at_its_last_finite_loss(losses: list[float], expected: LossCurve) -> None:
    assert loss_curve([0, 10, 20, 30], losses, losses, BELOW, 40) == expected


def test_another_metric_may_say_what_is_solved() -> None:
    found = loss_curve([0, 10, 20], [2.0, 1.0, 0.5], [0.1, None, 0.95], Target("accuracy", 0.9, "above"), 40)
    assert found == LossCurve((0, 10, 20), (2.0, 1.0, 0.5), True, 40)
