"""CUDA streams, leased so that no member of a cohort shares one as long as there are enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

PRIORITIES = (0, -1)  # torch has a pool of streams for each
POOL = 32  # streams in each pool; asking for more gives the first ones again


class LeasedStream:
    """A stream, how many members use it, and the graphs of members that have left it."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.users = stream, 0
        self._departed: list[Any] = []

    def retire(self, graphs: Sequence[Any]) -> None:
        """Reset graphs that nobody replays any more, as soon as no member uses the stream.

        Resetting a graph frees the cuBLAS workspace of the stream that it was captured on, which the graphs of other
        members on that stream go on writing to (https://github.com/pytorch/pytorch/issues/193402).
        """
        self._departed += graphs
        self._reset_departed()

    def release(self) -> None:
        """A member uses the stream no more; its graphs must have been retired."""
        self.users -= 1
        self._reset_departed()

    def _reset_departed(self) -> None:
        if not self.users:
            while self._departed:
                self._departed.pop().reset()


class Streams:
    """All streams of a GPU that torch hands out, each leased to as few members as possible."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        """make: a stream of the given priority, as `torch.cuda.Stream(priority=…)` makes it."""
        self._make = make
        self._all: list[LeasedStream] = []

    @property
    def has_free(self) -> bool:
        """Whether the next lease would be of a stream that no member uses."""
        return not self._all or any(not each.users for each in self._all)

    def lease(self) -> LeasedStream:
        """A stream that no member uses; the one with the fewest members where there is none."""
        if not self._all:
            made = [self._make(priority) for priority in PRIORITIES for _ in range(POOL)]
            distinct = {stream.cuda_stream: stream for stream in made}
            self._all = [LeasedStream(stream) for stream in distinct.values()]
        chosen = min(self._all, key=lambda each: each.users)
        chosen.users += 1
        return chosen
