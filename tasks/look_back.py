"""What stood a fixed number of steps earlier: the predictor without a net for symbols that come back after a delay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.shares import Counts, Shares, count

PLACES = 3  # that are looked at: one delay, and twice and three times it, where the first may be blank
# Of training data, or about so many steps: more change shares that are known to a few percent, and take long.
SEQUENCES, ALL_STEPS = 500, 60_000
BEFORE, UNKNOWN = 0, 1  # numbers of what is no symbol: before the sequence began; not in the training data


@dataclass(frozen=True, eq=False)
class LookBack:
    """How often each class followed, in the training data, on the symbols that stood `delays` steps earlier.

    symbols: `(S, I)`, each distinct input vector, or `(S, 1)`, each token. shares: by combinations of symbols, as
    numbers.
    """

    delays: tuple[int, ...]
    symbols: Array
    shares: Shares

    def predict(self, inputs: Array) -> Array:
        """Logits `(N, T, O)` for inputs `(N, T, I)`, or tokens `(N, T)`."""
        return self.shares.predict(_combined(numbered(inputs, self.symbols), self.delays, len(self.symbols)))


def look_back(task: Task, dataset: Dataset) -> Reference:
    """The score of the look-back that is chosen from a task's training data; the task asks for classes at each step."""
    found = choose_look_back(dataset.train, task.output_size)
    how = f"what followed, in the training data, on the input {' and '.join(map(str, found.delays))} steps earlier"
    return score(task, "look_back", "baseline", lambda split: found.predict(split.inputs), dataset, how)


def choose_look_back(train: Split, classes: int) -> LookBack:
    """The delays, and the weight of the shares of all steps, that predict each answer of `train` best from the others.

    Of equal ones the fewest and shortest delays. The targets of `train`: classes `(N, T)`, or `(N, T, classes)` labels
    of 0 and 1.
    """
    asked = np.ones(train.inputs.shape[:2], dtype=bool) if train.mask is None else train.mask
    rows = np.flatnonzero(asked.any(axis=1))[: min(SEQUENCES, -(-ALL_STEPS // asked.shape[1]))]
    inputs, mask = train.inputs[rows], asked[rows]
    answers, symbols = train.targets[rows][mask], symbols_of(inputs)
    numbers = numbered(inputs, symbols)

    def counts(delays: tuple[int, ...]) -> Counts:
        return count(_combined(numbers, delays, len(symbols))[mask], answers, classes)

    found = ((*counts(delays).best(), delays) for delays in _delays(inputs.shape[1]))
    _, weight, delays = min(found, key=lambda one: one[0])
    return LookBack(delays, symbols, counts(delays).shares(weight))


def symbols_of(inputs: Array) -> Array:
    """`(S, I)`, each distinct vector of inputs `(N, T, I)`, or `(S, 1)`, each token of `(N, T)`."""
    return np.asarray(np.unique(inputs.reshape(math.prod(inputs.shape[:2]), -1), axis=0))


def _delays(steps: int) -> Iterator[tuple[int, ...]]:
    yield (0,)
    for places in range(1, PLACES + 1):
        for delay in range(1, (steps - 1) // places + 1):
            yield tuple(delay * (place + 1) for place in range(places))


def numbered(inputs: Array, symbols: Array) -> Array:
    """The number of each input vector, `(N, T)`; `UNKNOWN` where it is not one of `symbols`."""
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
