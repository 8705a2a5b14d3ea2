"""The adding problem: remember two marked numbers of many, and add them (Hochreiter & Schmidhuber 1997)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Defaults, Parameters, Reference, Split, Target, Task
from tasks.errors import UserError
from tasks.metrics import error_metrics

SEQUENCES = (20_000, 500, 500)  # training, validation, test
SEQUENCES_A_WEIGHT = 20  # that `linear_products` is fitted on: where there are fewer, it is left out
TOLERANCE = 0.04  # an answer with a smaller error counts as right (Hochreiter & Schmidhuber 1997, section 5.4)


@dataclass(frozen=True)
class Adding(Task):
    """In the form of Arjovsky, Shah & Bengio 2016 (section 4.2): T = `length` steps of two features. The first is
    uniform on [0, 1). The second is 1 at two steps, one drawn uniformly from each half of the sequence, and 0 at all
    others. The target, after the last step, is the sum of the two marked values.

    Without memory the best answer is always 1, the mean of the sum. Its loss is the variance of the sum: 1/12 for each
    of two independent uniform values, so 1/6, for any length.
    """

    length: int = 100

    name = "adding"
    summary = "add the two marked numbers of a long sequence (Arjovsky et al. 2016)"
    cites = ("arjovsky2016",)
    loss = "mse"
    input_size, output_size = 2, 1
    target = Target("loss", 0.01)
    defaults = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 1000, "standard": 4000, "full": 15_000},
        learning_rate=(1e-3, 3e-2),
    )
    budgets: ClassVar[Parameters] = {"smoke": {"length": 10}, "quick": {"length": 30}}

    def __post_init__(self) -> None:
        if self.length < 2:
            raise UserError(f"adding[length={self.length}]: expected 2 or more, one step for each marked number")

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        rng = np.random.default_rng(seed)
        return Dataset(*(self._draw(rng, count) for count in SEQUENCES))

    def _draw(self, rng: np.random.Generator, count: int) -> Split:
        half, rows = self.length // 2, np.arange(count)
        values = rng.random((count, self.length), dtype=np.float32)
        marks = np.zeros_like(values)
        first, second = rng.integers(0, half, count), rng.integers(half, self.length, count)
        marks[rows, first] = marks[rows, second] = 1
        total = values[rows, first] + values[rows, second]
        return Split(np.stack([values, marks], axis=-1), total[:, None])

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """`rmse`, `mae`, and `right`: the share of answers with an error below 0.04."""
        right = np.abs(np.asarray(outputs, dtype=np.float64) - targets) < TOLERANCE
        return {**error_metrics(outputs, targets, mask), "right": float(right.mean())}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        """The floor is exact for every data set: with S the sum, S − 1 has the triangular density 1 − |x| on [−1, 1].

        Beside it a linear model of the products of value and mark, which does not know that all weights are 1.
        """
        scores = {"rmse": math.sqrt(1 / 6), "mae": 1 / 3, "right": 2 * TOLERANCE - TOLERANCE**2}
        how = "always 1, the mean of the sum; exact: its variance, 2 · 1/12; expected loss"
        floor = Reference("memoryless", "floor", 1 / 6, scores, how, 1 / 6)
        train, count = dataset.train, SEQUENCES_A_WEIGHT * (self.length + 1)
        if count > len(train.inputs):
            return [floor]
        weights = np.linalg.lstsq(
            _products(train.inputs[:count]), train.targets[:count].astype(np.float64), rcond=None
        )[0]
        how = "a linear model of the products of value and mark at each step, fitted by least squares"
        fitted = score(
            self, "linear_products", "baseline", lambda split: _products(split.inputs) @ weights, dataset, how
        )
        return [floor, fitted]


def _products(inputs: Array) -> Array:
    """`(N, T + 1)` float64: value times mark of each step, and a one for the intercept."""
    products = inputs.astype(np.float64).prod(axis=-1)
    return np.concatenate([products, np.ones((len(products), 1))], axis=1)
