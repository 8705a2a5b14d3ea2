"""Shared memory in which workers tell how far they are: no lock, so that no killed worker can hold one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bench.execution.executor import Curve
from bench.training import CURVE

ROWS = 1024  # evaluations that are kept: far more than a training has, unless a small interval was asked for
_SERIAL, _COUNT, _STEP, _LOSS, _CURVE = range(5)
SLOT = _CURVE + ROWS * len(CURVE)


class Board:
    """Doubles in shared memory, `SLOT` of them for each slot: which job began, how many evaluations, the evaluations.

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

    def tell(self, slot: int, evaluation: Sequence[float | None]) -> None:
        """Add one evaluation: the columns of `CURVE`, None where not measured."""
        at, row = slot * SLOT, [math.nan if value is None else float(value) for value in evaluation]
        self._doubles[at + _STEP], self._doubles[at + _LOSS] = row[0], row[CURVE.index("valid_loss")]
        count = int(self._doubles[at + _COUNT])
        if count < ROWS:
            first = at + _CURVE + count * len(CURVE)
            self._doubles[first : first + len(CURVE)] = row
            self._doubles[at + _COUNT] = float(count + 1)

    def last(self, slot: int) -> tuple[int, float]:
        """(step, validation loss) of the last evaluation; NaN before there is any."""
        return int(self._doubles[slot * SLOT + _STEP]), float(self._doubles[slot * SLOT + _LOSS])

    def curve(self, slot: int) -> Curve:
        """All evaluations told so far, as a record has them."""
        at = slot * SLOT + _CURVE
        end = at + int(self._doubles[slot * SLOT + _COUNT]) * len(CURVE)
        columns = [[_finite_or_none(x) for x in self._doubles[at + i : end : len(CURVE)]] for i in range(len(CURVE))]
        columns[0] = [None if step is None else int(step) for step in columns[0]]
        return dict(zip(CURVE, columns, strict=True))


def _finite_or_none(value: float) -> float | int | None:
    return value if math.isfinite(value) else None
