"""Parity of a bit string: one bit of memory, flipped at every one; trained on short strings, tested on longer ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.contract import Array, Dataset, Defaults, Parameters, Reference, Split, Target, Task
from tasks.count_table import count_table
from tasks.errors import UserError

SEQUENCES = (20_000, 500, 500)  # training, validation, test


@dataclass(frozen=True)
class Parity(Task):
    """Is the number of ones odd? Strings of 1 to `longest` random bits in training and validation, of `longest` + 1 to
    `test_longest` in the test: a net that has learnt to flip one bit of state solves any length.

    per_step: predict the parity after every bit, which shows the flip itself to the learner; otherwise at the end only,
    where no single bit but only all of them together determine the answer, which is hard for gradient descent (Bengio
    et al. 1994).
    Classes are balanced by drawing bits with probability 1/2. A short string may be in several splits of training and
    validation; the test shares none, as its strings are longer.
    """

    longest: int = 40
    test_longest: int = 400
    per_step: bool = True

    name = "parity"
    summary = "is the number of ones odd? trained on short strings, tested on longer ones"
    loss = "binary_cross_entropy"
    input_size, output_size = 2, 1  # tokens 0 and 1
    target = Target("string_accuracy", 0.99, "above")
    defaults = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 800, "standard": 4000, "full": 20_000},
        learning_rate=(1e-3, 3e-2),
    )
    budgets: ClassVar[Parameters] = {
        "smoke": {"longest": 8, "test_longest": 24},
        "quick": {"longest": 20, "test_longest": 100},
    }

    def __post_init__(self) -> None:
        if self.longest < 1:
            raise UserError(f"parity[longest={self.longest}]: expected 1 or more")
        if self.test_longest <= self.longest:
            raise UserError(
                f"parity[test_longest={self.test_longest}]: expected more than longest, {self.longest}: the test is "
                "on longer strings"
            )

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        rng = np.random.default_rng(seed)
        shortest = (1, 1, self.longest + 1)
        bounds = (self.longest, self.longest, self.test_longest)
        return Dataset(*(self._draw(rng, *each) for each in zip(SEQUENCES, shortest, bounds, strict=True)))

    def _draw(self, rng: np.random.Generator, count: int, shortest: int, longest: int) -> Split:
        lengths = rng.integers(shortest, longest + 1, count)
        real = np.arange(longest) < lengths[:, None]  # (N, T)
        bits = rng.integers(0, 2, (count, longest)) * real
        odd = (bits.cumsum(axis=1) % 2).astype(np.float32)[..., None]
        if self.per_step:
            return Split(bits, odd, mask=real, lengths=lengths)
        return Split(bits, odd[:, -1], lengths=lengths)  # padding is zero and changes no parity

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """`accuracy` over all answers, and `string_accuracy`: the share of strings without any wrong one."""
        right = (np.asarray(outputs) > 0) == (targets > 0.5)
        right = right[..., 0]
        if mask is None:
            whole = right if right.ndim == 1 else right.all(axis=1)
            return {"accuracy": float(right.mean()), "string_accuracy": float(whole.mean())}
        return {"accuracy": float(right[mask].mean()), "string_accuracy": float((right | ~mask).all(axis=1).mean())}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        """The floor is a coin: both answers are equally likely. A table of answers by counts makes no mistake, so a net
        is here to show its memory, not because one is needed."""
        lengths = dataset.test.lengths
        assert lengths is not None
        whole = float((0.5**lengths).mean()) if self.per_step else 0.5
        how = "a coin; exact: ln 2, for any string"
        scores = {"accuracy": 0.5, "string_accuracy": whole}
        return [Reference("chance", "floor", math.log(2), scores, how, math.log(2)), count_table(self, dataset)]
