"""Shared memory in which workers report their progress, without a lock, so that no killed worker can hold one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bench.executors.executor import Curve, Evaluation
from bench.training.loop import CURVE, finite_or_none

ROWS = 1024  # evaluations that are kept: far more than a training has, unless a small interval was asked for
_SERIAL, _COUNT, _STEP, _LOSS, _CURVE = range(5)
ROW = len(CURVE) + 1  # and the seconds since the first evaluation
SLOT = _CURVE + ROWS * ROW


class SharedProgress:
    """Doubles in shared memory, `SLOT` for each slot: which job began, how many evaluations there are, and these.

    A worker writes only its own slot, and the count after the row, so the parent never reads half a row.
    """

    def __init__(self, doubles: Any) -> None:
        self._doubles = doubles

    def clear(self, slot: int) -> None:
        """Forget the slot's last job."""
        at = slot * SLOT
        self._doubles[at : at + _CURVE] = [0.0, 0.0, 0.0, math.nan]

    def begin(self, slot: int, serial: int) -> None:
        """The job that was given this number has begun."""
        self._doubles[slot * SLOT + _SERIAL] = float(serial)

    def has_begun(self, slot: int, serial: int) -> bool:
        """Whether the job of this number has begun."""
        return bool(self._doubles[slot * SLOT + _SERIAL] == serial)

    def tell(self, slot: int, evaluation: Sequence[float | None], seconds: float | None = None) -> None:
        """Add one evaluation: the columns of `CURVE`, None where not measured, and when it was."""
        at, row = slot * SLOT, [math.nan if value is None else float(value) for value in (*evaluation, seconds)]
        self._doubles[at + _STEP], self._doubles[at + _LOSS] = row[0], row[CURVE.index("valid_loss")]
        count = int(self._doubles[at + _COUNT])
        if count < ROWS:
            first = at + _CURVE + count * ROW
            self._doubles[first : first + ROW] = row
            self._doubles[at + _COUNT] = float(count + 1)

    def last(self, slot: int) -> tuple[int, float]:
        """(step, validation loss) of the last evaluation; NaN before there is any."""
        return int(self._doubles[slot * SLOT + _STEP]), float(self._doubles[slot * SLOT + _LOSS])

    def curve(self, slot: int) -> Curve:
        """All evaluations told so far, as a record has them."""
        rows = self.evaluations(slot)
        return {name: [row[i] for row in rows] for i, name in enumerate(CURVE)}

    def evaluations(self, slot: int, since: int = 0) -> list[Evaluation]:
        """The evaluations told so far but the first `since`."""
        at, count = slot * SLOT + _CURVE, int(self._doubles[slot * SLOT + _COUNT])
        rows = (self._doubles[at + i * ROW : at + (i + 1) * ROW] for i in range(since, count))
        return [(int(row[0]), *map(finite_or_none, row[1:])) for row in rows]
