"""A cohort grows while more at once do more work a second."""

from __future__ import annotations

import random

import pytest

from bench.executors.cohort.cohort import JOINS
from bench.executors.cohort.size import FIRST, LARGEST, WINDOW_SECONDS, CohortSize


def grow(most: int) -> CohortSize:
    """On a device that is busy with so many trainings, each of which does one unit of work a second."""
    size = CohortSize(None)
    for _ in range(1000):
        size.worked(size.now, min(size.now, most) * 1.0, 1.0)
    return size


@pytest.mark.parametrize(("most", "expected"), [(4, 64), (33, 64), (64, 128), (100, 256), (10_000, LARGEST)])
def test_it_stops_where_twice_as_many_do_no_more(most: int, expected: int) -> None:
    assert grow(most).now == expected


def test_only_full_cohorts_are_compared() -> None:
    size = CohortSize(None)
    for _ in range(1000):
        size.worked(size.now - 1, 100.0, 1.0)
    assert size.now == FIRST
    size.worked(size.now, 1.0, WINDOW_SECONDS / 2)
    assert size.now == FIRST


def test_a_fixed_number_stays_unless_the_memory_is_too_small() -> None:
    size = CohortSize(64)
    for _ in range(100):
        size.worked(64, 64.0, WINDOW_SECONDS)
    assert size.now == 64
    size.halve(64)
    assert size.now == 32
    size.halve(1)
    assert size.now == 1


def test_it_does_not_grow_back_where_memory_did_not_suffice() -> None:
    size = CohortSize(None)
    size.halve(8)
    for number in range(100):
        size.worked(size.now, float(number), WINDOW_SECONDS)
    assert size.now == 4


@pytest.mark.parametrize("life", [0.5, 2.0, 10.0, 100.0])
def test_a_cohort_of_short_trainings_grows_too(life: float) -> None:
    """Somebody leaves in nearly every round; the next ones join in the rounds that follow, some at a time."""
    size, members, seconds, round_seconds = CohortSize(None), list[float](), 0.0, 0.01
    rng = random.Random(0)
    while seconds < 60:
        members += [seconds + life * rng.uniform(0.8, 1.2) for _ in range(min(JOINS, size.now - len(members)))]
        begun, round_seconds = len(members), 0.002 * len(members) ** 0.5  # more at once do more a second
        seconds += round_seconds
        members = [end for end in members if end > seconds]
        size.worked(begun, float(begun), round_seconds)
    assert size.now >= 2 * FIRST
