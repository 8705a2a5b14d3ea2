import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.curves import steps_to_target
from tasks.contract import Target

BELOW, ABOVE = Target("loss", 0.1), Target("recall", 0.5, "above")


def test_a_loss_that_falls_by_factors_is_interpolated_in_its_logarithm() -> None:
    # 1 -> 0.01 in 10 steps passes 0.1 half-way in log scale
    assert steps_to_target([0, 10], [1.0, 0.01], BELOW) == pytest.approx(5.0)


def test_a_metric_that_rises_is_interpolated_linearly() -> None:
    assert steps_to_target([0, 10, 20], [0.0, 0.25, 0.75], ABOVE) == pytest.approx(15.0)


def test_the_first_crossing_counts() -> None:
    assert steps_to_target([0, 1, 2, 3], [1.0, 0.1, 1.0, 0.01], BELOW) == pytest.approx(1.0)


def test_never_reached_is_none_not_a_number() -> None:
    assert steps_to_target([0, 10, 20], [1.0, 0.5, 0.11], BELOW) is None


def test_reached_before_the_first_step() -> None:
    assert steps_to_target([0, 10], [0.05, 0.5], BELOW) == 0.0


def test_what_was_not_measured_is_passed_over() -> None:
    assert steps_to_target([0, 5, 10], [1.0, None, 0.01], BELOW) == pytest.approx(5.0)
    assert steps_to_target([0, 5, 10], [1.0, math.nan, math.nan], BELOW) is None


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=20))
def test_it_lies_between_the_evaluations_around_the_crossing(values: list[float]) -> None:
    steps = list(range(0, 10 * len(values), 10))
    found = steps_to_target(steps, values, BELOW)
    first = next((i for i, value in enumerate(values) if value <= 0.1), None)
    if first is None:
        assert found is None
    else:
        assert found is not None
        assert max(0, steps[first] - 10) <= found <= steps[first]
