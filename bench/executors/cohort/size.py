"""How many trainings share one GPU: a number that was asked for, or as many as make the whole faster."""

from __future__ import annotations

FIRST, LARGEST = 32, 256
WORTH_IT = 1.1  # twice as many must do at least so much more work a second
WINDOW_SECONDS = 1.5  # of rounds of a full cohort, over which that is measured
SPARE = 1.25  # times the largest member's memory must be free for one more


class CohortSize:
    """`now` is how many there may be. It grows while that pays, and is halved where the memory did not suffice."""

    def __init__(self, fixed: int | None) -> None:
        """fixed: as many, whatever they do (memory excepted); None: find out."""
        self.now = fixed or FIRST
        self._limit = fixed or LARGEST
        self._settled = fixed is not None
        self._best_rate = 0.0
        self._work = self._seconds = 0.0

    def worked(self, members: int, work: float, seconds: float) -> None:
        """Note what a round did, in any unit of work that is the same for all trainings.

        members: that the round began with. Rounds that began full are compared, whoever left in them: where trainings
        are short, somebody always does.
        """
        if self._settled or members < self.now:
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
        """Allow half as many from now on: memory did not suffice for so many and one more."""
        self.now = self._limit = max(1, members // 2)
        self._settled = True
