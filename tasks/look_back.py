"""What stood a fixed number of steps earlier: the predictor without a net for symbols that come back after a delay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Loss, Reference, Split, Task

PLACES = 3  # that are looked at: one delay, and twice and three times it, where the first may be blank
DIGITS = 12  # of a loss: below these is rounding, which would decide between equal ones
WEIGHTS = (1.0, 1e-2, 1e-4)  # of the shares of all steps beside those of a combination, in times that it occurred
# Of training data, or about so many steps: more change shares that are known to a few percent, and take long.
SEQUENCES, ALL_STEPS = 500, 60_000
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
    the largest weight. loss: "cross_entropy", or "binary_cross_entropy" with targets `(N, T, classes)` of 0 and 1.
    """
    asked = np.ones(train.inputs.shape[:2], dtype=bool) if train.mask is None else train.mask
    rows = np.flatnonzero(asked.any(axis=1))[: min(SEQUENCES, -(-ALL_STEPS // asked.shape[1]))]
    inputs, mask = train.inputs[rows], asked[rows]
    symbols = np.unique(inputs.reshape(math.prod(inputs.shape[:2]), -1), axis=0)
    exclusive = loss == "cross_entropy"
    answers = train.targets[rows][mask].astype(np.int64 if exclusive else np.float64)
    often = np.bincount(answers, minlength=classes) if exclusive else answers.sum(axis=0)
    prior = (often + 1) / (len(answers) + (classes if exclusive else 2))
    numbers = _numbered(inputs, symbols)

    def counted(delays: tuple[int, ...]) -> tuple[Array, Array, Array]:
        return _counts(_combined(numbers, delays, len(symbols))[mask], answers, classes)

    def losses(delays: tuple[int, ...]) -> Iterator[tuple[float, tuple[int, ...], float]]:
        _, sums, times = counted(delays)
        for weight in WEIGHTS:
            yield round(_left_out(sums, times, weight, prior, exclusive), DIGITS), delays, weight

    _, delays, weight = min(chain.from_iterable(map(losses, _delays(inputs.shape[1]))), key=lambda one: one[0])
    seen, sums, times = counted(delays)
    shares = np.vstack([(sums + weight * prior) / (times + weight), prior])
    return LookBack(delays, symbols, seen, _logits(shares, loss))


def _counts(combined: Array, answers: Array, classes: int) -> tuple[Array, Array, Array]:
    """`(C,)` the combinations that occur, `(C, O)` how often each class followed on each, `(C, 1)` how often it occurs.

    answers: `(N,)` classes, or `(N, O)` labels.
    """
    seen = None
    if int(combined.max()) * classes > combined.size:  # more counters than answers: a sort takes less
        seen, combined = np.unique(combined, return_inverse=True)
    times = np.bincount(combined)
    if answers.ndim == 1:
        sums = np.bincount(combined * classes + answers, minlength=len(times) * classes).reshape(-1, classes)
    else:
        sums = np.stack([np.bincount(combined, column) for column in answers.T], axis=1)
    occurring = np.flatnonzero(times)
    return occurring if seen is None else seen, sums[occurring], times[occurring, None]


def _left_out(sums: Array, times: Array, weight: float, prior: Array, exclusive: bool) -> float:
    """The mean loss of all answers, each predicted from the counts of all others.

    All answers of one class that follow on one combination are predicted alike, so the counts are enough.
    """
    others = times - 1 + weight
    right = (np.maximum(sums - 1, 0) + weight * prior) / others
    total = -(sums * np.log(right)).sum()
    if exclusive:
        return float(total / times.sum())
    wrong = (np.minimum(sums, times - 1) + weight * prior) / others
    return float((total - ((times - sums) * np.log(1 - wrong)).sum()) / (times.sum() * sums.shape[1]))


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
