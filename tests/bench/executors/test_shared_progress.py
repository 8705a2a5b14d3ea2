"""The shared memory in which workers tell how far they are."""

import math

from bench.executors.shared_progress import ROWS, SLOT, SharedProgress
from bench.training.loop import CURVE


def shared(slots: int = 2) -> SharedProgress:
    return SharedProgress([0.0] * (SLOT * slots))


def test_a_curve_comes_back_as_a_record_has_it() -> None:
    made = shared()
    made.clear(1)
    assert made.last(1)[0] == 0
    assert math.isnan(made.last(1)[1])
    made.tell(1, (0, None, 3.5, None, 0.1))
    made.tell(1, (10, 2.0, math.nan, 0.5, 0.05))
    columns = ([0, 10], [None, 2.0], [3.5, None], [None, 0.5], [0.1, 0.05])
    assert made.curve(1) == dict(zip(CURVE, columns, strict=True))
    assert all(isinstance(step, int) for step in made.curve(1)["step"])
    assert made.curve(0)["step"] == []
    assert made.last(1)[0] == 10


def test_evaluations_come_with_their_seconds_from_any_one_on() -> None:
    made = shared()
    made.tell(1, (0, None, 3.5, None, 0.1), 0.0)
    made.tell(1, (10, 2.0, 3.0, 0.5, 0.05), 1.5)
    assert made.evaluations(1) == [(0, None, 3.5, None, 0.1, 0.0), (10, 2.0, 3.0, 0.5, 0.05, 1.5)]
    assert made.evaluations(1, since=1) == [(10, 2.0, 3.0, 0.5, 0.05, 1.5)]
    assert made.evaluations(1, since=2) == made.evaluations(0) == []


def test_a_slot_knows_which_job_it_does() -> None:
    made = shared()
    made.begin(0, 7)
    assert made.has_begun(0, 7)
    assert not made.has_begun(0, 8)
    assert not made.has_begun(1, 7)
    made.clear(0)
    assert not made.has_begun(0, 7)


def test_more_evaluations_than_there_is_room_for_are_left_out_but_the_last_is_known() -> None:
    made = shared(slots=1)
    for step in range(ROWS + 5):
        made.tell(0, (step, 1.0, float(step), None, 0.1))
    assert made.curve(0)["step"] == list(range(ROWS))
    assert made.last(0) == (ROWS + 4, ROWS + 4.0)
