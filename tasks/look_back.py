"""What stood a fixed number of steps earlier: the predictor without a net for symbols that come back after a delay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.contract import Array, Loss, Split
from tasks.losses import mean_loss

PLACES = 3  # that are looked at: one delay, and twice and three times it, where the first may be blank
SEQUENCES = 500  # of training data, at the most: more change shares that are known to a few percent, and take long
BEFORE, UNKNOWN = 0, 1  # numbers of what is no symbol: before the sequence began; not in the training data


@dataclass(frozen=True, eq=False)
class LookBack:
    """How often each class followed, in the training data, on the symbols that stood `delays` steps earlier.

    symbols: `(S, I)`, each distinct input vector. seen: `(C,)`, the combinations of symbols that occurred, as numbers.
    logits: `(C + 1, O)`, of each of them, and at the end of all others.
    """

    delays: tuple[int, ...]
    symbols: Array
    seen: Array
    logits: Array

    def predict(self, inputs: Array) -> Array:
        """Logits `(N, T, O)` for inputs `(N, T, I)`."""
        return self.of(_numbered(inputs, self.symbols))

    def of(self, numbers: Array) -> Array:
        """Logits `(N, T, O)` for the numbers of symbols `(N, T)`."""
        wanted = _combined(numbers, self.delays, len(self.symbols))
        places = np.minimum(np.searchsorted(self.seen, wanted), len(self.seen) - 1)
        return self.logits[np.where(self.seen[places] == wanted, places, len(self.seen))]


def choose_look_back(train: Split, valid: Split, loss: Loss, classes: int) -> LookBack:
    """The delays with the lowest loss on `valid`, counted on `train`; of equal ones the fewest and shortest.

    loss: "cross_entropy", or "binary_cross_entropy" with targets `(N, T, classes)`.
    """
    inputs = train.inputs[:SEQUENCES]
    symbols = np.unique(inputs.reshape(-1, inputs.shape[2]), axis=0)
    mask = np.ones(inputs.shape[:2], dtype=bool) if train.mask is None else train.mask[:SEQUENCES]
    known = train.targets[:SEQUENCES][mask]
    truth = np.eye(classes)[known] if loss == "cross_entropy" else known.astype(np.float64)
    numbers, others = _numbered(inputs, symbols), _numbered(valid.inputs, symbols)

    def fitted(delays: tuple[int, ...]) -> LookBack:
        seen, places = np.unique(_combined(numbers, delays, len(symbols))[mask], return_inverse=True)
        return LookBack(delays, symbols, seen, _logits(truth, places, len(seen), loss))

    candidates = map(fitted, _delays(inputs.shape[1]))
    return min(candidates, key=lambda one: mean_loss(loss, one.of(others), valid.targets, valid.mask))


def _delays(steps: int) -> Iterator[tuple[int, ...]]:
    yield (0,)
    for count in range(1, PLACES + 1):
        for delay in range(1, (steps - 1) // count + 1):
            yield tuple(delay * (place + 1) for place in range(count))


def _logits(truth: Array, places: Array, count: int, loss: Loss) -> Array:
    """Of each combination, `(count + 1, O)`: shares as if it had occurred once more, with the shares of all steps."""
    alternatives = truth.shape[1] if loss == "cross_entropy" else 2
    prior = (truth.sum(axis=0) + 1) / (len(truth) + alternatives)
    sums = np.stack([np.bincount(places, column, count) for column in truth.T], axis=1)
    shares = np.vstack([(sums + prior) / (np.bincount(places, minlength=count) + 1)[:, None], prior])
    return np.asarray(np.log(shares) if loss == "cross_entropy" else np.log(shares / (1 - shares)))


def _numbered(inputs: Array, symbols: Array) -> Array:
    """The number of each input vector, `(N, T)`."""
    numbers = {symbol.tobytes(): number for number, symbol in enumerate(symbols, start=UNKNOWN + 1)}
    rows = np.ascontiguousarray(inputs).reshape(-1, inputs.shape[2])
    return np.array([numbers.get(row.tobytes(), UNKNOWN) for row in rows]).reshape(inputs.shape[:2])


def _combined(numbers: Array, delays: tuple[int, ...], symbols: int) -> Array:
    """`(N, T)`: one number for all that stood so many steps earlier."""
    start, steps = max(delays), numbers.shape[1]
    padded = np.pad(numbers, ((0, 0), (start, 0)), constant_values=BEFORE)
    combined = np.zeros(numbers.shape, dtype=np.int64)
    for delay in delays:
        combined = combined * (symbols + UNKNOWN + 1) + padded[:, start - delay : start - delay + steps]
    return combined
