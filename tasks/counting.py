"""Counting: accept aⁿbⁿ (or aⁿbⁿcⁿ) and nothing else; trained on small n, tested far beyond."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.contract import Array, Dataset, Defaults, Parameters, Reference, Split, Target, Task
from tasks.count_table import count_table
from tasks.errors import UserError

TRAINING = 10_000
VALID_PAIRS, TEST_PAIRS = 100, 200  # different, so that the number of rows says which of the two it is


@dataclass(frozen=True)
class Counting(Task):
    """Does the string belong to the language? Acceptance after the last symbol, as in Weiss, Goldberg & Yahav 2018.

    letters: 2 for aⁿbⁿ, 3 for aⁿbⁿcⁿ. longest: the largest n in training and validation. test_longest: in the test.

    Training: a positive has n uniform on 1 … longest; a negative draws each letter's count from the same range, not
    all equal. One half of either. Validation and test are fixed ladders: n rises in equal steps to the largest, and
    each n has two strings, aⁿbⁿ and one with a single symbol too many or too few (the last letter's count is n + 1 and
    n − 1 alternately), so that only counting distinguishes them. Their rows are the pairs in order of n.

    Few short strings exist (longest² of aᵐbⁿ), so validation shares strings with training. The test's n are far
    larger: only there does a counter differ from a lookup table.
    """

    letters: int = 2
    longest: int = 100
    test_longest: int = 1000

    name = "counting"
    summary = "accept aⁿbⁿ (or aⁿbⁿcⁿ), tested far beyond the trained n (Weiss et al. 2018)"
    cites = ("weiss2018",)
    loss = "binary_cross_entropy"
    output_size = 1
    target = Target("accuracy", 0.99, "above")
    defaults = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 1000, "standard": 5000, "full": 20_000},
        learning_rate=(1e-3, 3e-2),
    )
    budgets: ClassVar[Parameters] = {
        "smoke": {"longest": 6, "test_longest": 30},
        "quick": {"longest": 15, "test_longest": 150},
    }

    def __post_init__(self) -> None:
        if self.letters not in (2, 3):
            raise UserError(f"counting[letters={self.letters}]: expected 2 (aⁿbⁿ) or 3 (aⁿbⁿcⁿ)")
        if self.longest < 2:
            raise UserError(f"counting[longest={self.longest}]: expected 2 or more")
        if self.test_longest <= self.longest:
            raise UserError(
                f"counting[test_longest={self.test_longest}]: expected more than longest, {self.longest}: the test is "
                "on longer strings"
            )

    @property
    def input_size(self) -> int:
        return self.letters

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        rng = np.random.default_rng(seed)
        half = TRAINING // 2
        positive = np.repeat(rng.integers(1, self.longest + 1, (half, 1)), self.letters, axis=1)
        negative = rng.integers(1, self.longest + 1, (half, self.letters))
        while (equal := (negative == negative[:, :1]).all(axis=1)).any():
            negative[equal] = rng.integers(1, self.longest + 1, (int(equal.sum()), self.letters))
        train = self.make_split(np.concatenate([positive, negative]), np.arange(TRAINING) < half)
        ladders = (self._ladder(VALID_PAIRS, self.longest), self._ladder(TEST_PAIRS, self.test_longest))
        return Dataset(train, *ladders)

    def make_split(self, counts: Array, accepted: Array) -> Split:
        """counts: `(N, letters)`, how often each letter stands in a row; accepted: `(N,)` bool. Padded with zeros."""
        lengths = counts.sum(axis=1)
        steps = np.arange(int(lengths.max()))
        ends = counts.cumsum(axis=1)
        tokens = (steps[None, :, None] >= ends[:, None, :-1]).sum(axis=2)  # how many letters have ended
        tokens[steps >= lengths[:, None]] = 0
        return Split(tokens, accepted.astype(np.float32)[:, None], lengths=lengths)

    def _ladder(self, pairs: int, longest: int) -> Split:
        n = ladder(pairs, longest)
        counts = np.repeat(np.repeat(n, 2)[:, None], self.letters, axis=1)
        counts[1::2, -1] += np.where((np.arange(pairs) % 2 == 0) | (n == 1), 1, -1)
        return self.make_split(counts, np.arange(2 * pairs) % 2 == 0)

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """`accuracy`; and `counts_to`: the largest n up to which the ladder has no mistake, 0 if the first is one.

        For a ladder's rows in their order; for other rows `counts_to` is undefined: ValueError.
        """
        pairs = {2 * VALID_PAIRS: self.longest, 2 * TEST_PAIRS: self.test_longest}
        if len(targets) not in pairs:
            raise ValueError(f"expected the {' or '.join(map(str, pairs))} rows of a ladder, not {len(targets)}")
        right = ((np.asarray(outputs) > 0) == (targets > 0.5))[:, 0]
        n = ladder(len(targets) // 2, pairs[len(targets)])
        both = right.reshape(-1, 2).all(axis=1)
        passed = len(both) if both.all() else int(both.argmin())
        return {"accuracy": float(right.mean()), "counts_to": float(n[passed - 1] if passed else 0)}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        """The floor is a coin: half of the strings belong to the language. A table of answers by differences between
        counts makes no mistake, so a net is here to show that it counts, not because one is needed."""
        scores, how = {"accuracy": 0.5, "counts_to": 0.0}, "a coin; exact: ln 2, for any string"
        return [Reference("chance", "floor", math.log(2), scores, how, math.log(2)), count_table(self, dataset)]


def ladder(pairs: int, longest: int) -> Array:
    """`(pairs,)` values of n, rising in equal steps to `longest`; rounded up, so they repeat where it is small."""
    return -(-longest * np.arange(1, pairs + 1) // pairs)
