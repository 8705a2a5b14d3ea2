"""The batches of a training as rows of one length, as a stack of trainings needs them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tasks.contract import Array


class Batches(NamedTuple):
    """K batches. rows: `(K, B)` indices of sequences; sizes: `(K,)`, how many at the beginning of a row count."""

    rows: Array
    sizes: Array


class BatchQueue:
    """The batches of endless epochs, in their order; the last of an epoch may be smaller."""

    def __init__(self, orders: Iterator[Array], batch: int) -> None:
        """orders: a permutation of the training data for each epoch. batch: at most as many as there are sequences."""
        self._orders, self._batch = orders, batch
        self._left = Batches(np.zeros((0, batch), np.int64), np.zeros(0, np.int64))

    def take(self, count: int) -> Batches:
        """The next `count` batches."""
        parts, missing = [self._left], count - len(self._left.sizes)
        while missing > 0:
            parts.append(self._epoch())
            missing -= len(parts[-1].sizes)
        whole = Batches(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        self._left = Batches(whole.rows[count:], whole.sizes[count:])
        return Batches(whole.rows[:count], whole.sizes[:count])

    def _epoch(self) -> Batches:
        order = np.asarray(next(self._orders), dtype=np.int64)
        full, rest = divmod(len(order), self._batch)
        rows = [order[: full * self._batch].reshape(full, self._batch)]
        sizes = [self._batch] * full
        if rest:  # filled up with its own, so that no other sequence has a part in it
            rows.append(np.resize(order[full * self._batch :], (1, self._batch)))
            sizes.append(rest)
        return Batches(np.concatenate(rows), np.array(sizes, dtype=np.int64))
