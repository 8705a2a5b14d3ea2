"""What stood a fixed number of steps earlier: the predictor without a net for symbols that come back after a delay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Loss, Reference, Split, Task
from tasks.losses import mean_loss

PLACES = 3  # that are looked at: one delay, and twice and three times it, where the first may be blank
WEIGHTS = (1.0, 1e-2, 1e-4)  # of the shares of all steps beside those of a combination, in times that it occurred
SEQUENCES = 500  # of training data, at the most: more change shares that are known to a few percent, and take long
BEFORE, UNKNOWN = 0, 1  # numbers of what is no symbol: before the sequence began; not in the training data


@dataclass(frozen=True, eq=False)
class LookBack:
    """How often each class followed, in the training data, on the symbols that stood `delays` steps earlier.

    symbols: `(S, I)`, each distinct input vector, or `(S, 1)`, each token. seen: `(C,)`, the combinations of symbols
    that occurred, as numbers. logits: `(C + 1, O)`, of each of them, and at the end of all others.
    """

    delays: tuple[int, ...]
    symbols: Array
    seen: Array
    logits: Array

    def predict(self, inputs: Array) -> Array:
        """Logits `(N, T, O)` for inputs `(N, T, I)`, or tokens `(N, T)`."""
        wanted = _combined(_numbered(inputs, self.symbols), self.delays, len(self.symbols))
        places = np.minimum(np.searchsorted(self.seen, wanted), len(self.seen) - 1)
        return self.logits[np.where(self.seen[places] == wanted, places, len(self.seen))]


def look_back(task: Task, dataset: Dataset) -> Reference:
    """The score of the look-back that is chosen from a task's training data; the task asks for classes at each step."""
    found = choose_look_back(dataset.train, task.loss, task.output_size)
    how = f"what followed, in the training data, on the input {' and '.join(map(str, found.delays))} steps earlier"
    return score(task, "look_back", "baseline", lambda split: found.predict(split.inputs), dataset, how)


def choose_look_back(train: Split, loss: Loss, classes: int) -> LookBack:
    """The delays, and one of `WEIGHTS`, that predict each answer of `train` best from the counts of all others.

    So validation data can still tell whether it is a good predictor. Of equal ones the fewest and shortest delays, and
    the largest weight. loss: "cross_entropy", or "binary_cross_entropy" with targets `(N, T, classes)`.
    """
    inputs = train.inputs[:SEQUENCES]
    symbols = np.unique(inputs.reshape(math.prod(inputs.shape[:2]), -1), axis=0)
    mask = np.ones(inputs.shape[:2], dtype=bool) if train.mask is None else train.mask[:SEQUENCES]
    answers = train.targets[:SEQUENCES][mask]
    exclusive = loss == "cross_entropy"
    truth = np.eye(classes)[answers] if exclusive else answers.astype(np.float64)
    prior = (truth.sum(axis=0) + 1) / (len(truth) + (classes if exclusive else 2))
    numbers = _numbered(inputs, symbols)

    def counted(delays: tuple[int, ...]) -> tuple[Array, Array, Array, Array]:
        """The combinations that occur, that of each answer, how often each class follows on each, and each occurs."""
        seen, places = np.unique(_combined(numbers, delays, len(symbols))[mask], return_inverse=True)
        sums = np.stack([np.bincount(places, column, len(seen)) for column in truth.T], axis=1)
        return seen, places, sums, np.bincount(places, minlength=len(seen))[:, None]

    def losses(delays: tuple[int, ...]) -> Iterator[tuple[float, tuple[int, ...], float]]:
        _, places, sums, times = counted(delays)
        for weight in WEIGHTS:
            if exclusive:  # the share of the right class alone: a third of the time
                right = sums[places, answers] - 1 + weight * prior[answers]
                yield float(-np.log(right / (times[places, 0] - 1 + weight)).mean()), delays, weight
            else:
                others = (sums[places] - truth + weight * prior) / (times[places] - 1 + weight)
                yield mean_loss(loss, _logits(others, loss), answers), delays, weight

    _, delays, weight = min(chain.from_iterable(map(losses, _delays(inputs.shape[1]))), key=lambda one: one[0])
    seen, _, sums, times = counted(delays)
    shares = np.vstack([(sums + weight * prior) / (times + weight), prior])
    return LookBack(delays, symbols, seen, _logits(shares, loss))


def _delays(steps: int) -> Iterator[tuple[int, ...]]:
    yield (0,)
    for count in range(1, PLACES + 1):
        for delay in range(1, (steps - 1) // count + 1):
            yield tuple(delay * (place + 1) for place in range(count))


def _logits(shares: Array, loss: Loss) -> Array:
    return np.asarray(np.log(shares) if loss == "cross_entropy" else np.log(shares / (1 - shares)))


def _numbered(inputs: Array, symbols: Array) -> Array:
    """The number of each input vector, `(N, T)`."""
    numbers = {symbol.tobytes(): number for number, symbol in enumerate(symbols, start=UNKNOWN + 1)}
    rows = np.ascontiguousarray(inputs).reshape(math.prod(inputs.shape[:2]), -1)
    return np.array([numbers.get(row.tobytes(), UNKNOWN) for row in rows]).reshape(inputs.shape[:2])


def _combined(numbers: Array, delays: tuple[int, ...], symbols: int) -> Array:
    """`(N, T)`: one number for all that stood so many steps earlier."""
    start, steps = max(delays), numbers.shape[1]
    padded = np.pad(numbers, ((0, 0), (start, 0)), constant_values=BEFORE)
    combined = np.zeros(numbers.shape, dtype=np.int64)
    for delay in delays:
        combined = combined * (symbols + UNKNOWN + 1) + padded[:, start - delay : start - delay + steps]
    return combined
