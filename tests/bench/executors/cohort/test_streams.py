"""Streams are leased to one member each, and no graph is reset while another member uses its stream."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bench.executors.cohort.streams import POOL, Streams


class Pools:
    """torch's pools of streams: each hands its own out in turn."""

    def __init__(self) -> None:
        self.made: dict[int, int] = {}

    def stream(self, priority: int) -> Any:
        number = self.made.get(priority, 3)  # somebody took some before
        self.made[priority] = number + 1
        return SimpleNamespace(cuda_stream=1000 * -priority + number % POOL)


def graph(log: list[str], name: str) -> Any:
    return SimpleNamespace(reset=lambda: log.append(name))


def test_sixty_four_members_have_a_stream_each_and_a_departed_one_s_is_leased_again() -> None:
    streams = Streams(Pools().stream)
    leased = [streams.lease() for _ in range(2 * POOL)]
    assert len({each.stream.cuda_stream for each in leased}) == 2 * POOL
    assert not streams.has_free
    leased[5].release()
    assert streams.has_free
    assert streams.lease() is leased[5]
    assert all(each.users == 1 for each in leased)
    more = [streams.lease() for _ in range(2 * POOL)]
    assert {each.users for each in more} == {2}


def test_a_graph_is_reset_when_the_last_member_has_left_its_stream() -> None:
    streams, log = Streams(Pools().stream), list[str]()
    first = streams.lease()
    for _ in range(2 * POOL - 1):
        streams.lease()
    second = streams.lease()
    assert second is first
    first.retire([graph(log, "one"), graph(log, "two")])
    first.release()
    assert log == []  # the second member replays on
    second.retire([graph(log, "three")])
    second.release()
    assert sorted(log) == ["one", "three", "two"]
    streams.lease().release()
    assert len(log) == 3
