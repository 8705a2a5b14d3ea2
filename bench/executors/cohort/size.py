"""How many trainings share one GPU: a number that was asked for, or as many as make the whole faster."""

from __future__ import annotations

FIRST, LARGEST = 8, 256
WORTH_IT = 1.1  # twice as many must do at least so much more work a second
WINDOW_SECONDS = 10.0  # over which that is measured
SPARE = 1.25  # times the largest member's memory must be free for one more


class CohortSize:
    """`now` is how many there may be. It grows while that pays, and is halved where the memory did not suffice."""

    def __init__(self, fixed: int | None) -> None:
        """fixed: as many, come what may (memory excepted); None: find out."""
        self.now = fixed or FIRST
        self._limit = fixed or LARGEST
        self._settled = fixed is not None
        self._best_rate = 0.0
        self._work = self._seconds = 0.0

    def worked(self, members: int, work: float, seconds: float) -> None:
        """What a round did, in any unit of work that is the same for all trainings. Full cohorts alone are compared."""
        if self._settled or members < self.now:
            self._work = self._seconds = 0.0
            return
        self._work, self._seconds = self._work + work, self._seconds + seconds
        if self._seconds < WINDOW_SECONDS:
            return
        rate = self._work / self._seconds
        self._settled = rate < WORTH_IT * self._best_rate
        if not self._settled:
            self._best_rate = rate
            self.now = min(2 * self.now, self._limit)
            self._settled = self.now == self._limit
        self._work = self._seconds = 0.0

    def halve(self, members: int) -> None:
        """Memory did not suffice for so many and one more: from now on half as many."""
        self.now = self._limit = max(1, members // 2)
        self._settled = True
