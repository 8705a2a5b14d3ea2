"""How slow a core is, is the median pass as a multiple of that on the processor of the measured costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bench.measure.speed import LOOK_SECONDS, PASS_SECONDS, slowness


def clock_of(passes: list[float]) -> Callable[[], float]:
    """A clock that is asked once, and then after each pass; passes take these seconds, in turn."""

    def times() -> Iterator[float]:
        now = 0.0
        yield now
        for seconds in passes * 1000:
            now += seconds
            yield now

    return times().__next__


@pytest.mark.parametrize("passes", [[2.0], [1.0, 2.0, 70.0]])
def test_it_is_the_median_pass(passes: list[float]) -> None:
    assert slowness(clock_of([seconds * PASS_SECONDS for seconds in passes])) == pytest.approx(2.0)


def test_a_pass_that_takes_longer_than_the_look_is_one_look() -> None:
    assert slowness(clock_of([LOOK_SECONDS * 2])) == pytest.approx(LOOK_SECONDS * 2 / PASS_SECONDS)


def test_a_real_clock_finds_a_finite_one() -> None:
    assert 0.0 < slowness() < float("inf")
