"""The adding problem: remember two marked numbers of many, and add them (Hochreiter & Schmidhuber 1997)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tasks.contract import Array, Dataset, Defaults, Loss, Reference, Split, Target, Task
from tasks.errors import UserError
from tasks.metrics import error_metrics

SEQUENCES = (20_000, 500, 500)  # training, validation, test
TOLERANCE = 0.04  # an answer this near is right (Hochreiter & Schmidhuber 1997, section 5.4)


@dataclass(frozen=True)
class Adding(Task):
    """In the form of Arjovsky, Shah & Bengio 2016 (section 4.2): T = `length` steps of two features. The first is
    uniform on [0, 1); the second is zero but for two ones, at a step drawn uniformly from the first half of the
    sequence and at one from the second half. The target, after the last step, is the sum of the two marked values.

    Without memory the best answer is always 1, the mean of the sum, and loses its variance: two independent uniform
    values have 1/12 each, so 1/6 in all, whatever the length.
    """

    length: int = 100

    name: ClassVar[str] = "adding"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "add the two marked numbers of a long sequence (Arjovsky et al. 2016)"
    loss: ClassVar[Loss] = "mse"
    defaults: ClassVar[Defaults] = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 1000, "standard": 4000, "full": 15_000},
        learning_rate=(1e-3, 3e-2),
    )
    budgets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"smoke": {"length": 10}, "quick": {"length": 30}}

    def __post_init__(self) -> None:
        if self.length < 2:
            raise UserError(f"adding[length={self.length}]: expected 2 or more, one step for each marked number")

    @property
    def input_size(self) -> int:
        return 2

    @property
    def output_size(self) -> int:
        return 1

    @property
    def target(self) -> Target:
        return Target("loss", 0.01)

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
        """`rmse`, `mae`, and `right`: the share of answers that are off by less than 0.04."""
        right = np.abs(np.asarray(outputs, dtype=np.float64) - targets) < TOLERANCE
        return {**error_metrics(outputs, targets, mask), "right": float(right.mean())}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        """Exact for every data set: with S the sum, S − 1 has the triangular density 1 − |x| on [−1, 1]."""
        scores = {"rmse": math.sqrt(1 / 6), "mae": 1 / 3, "right": 2 * TOLERANCE - TOLERANCE**2}
        how = "always 1, the mean of the sum; exact: its variance, 2 · 1/12; expected loss"
        return [Reference("memoryless", "floor", 1 / 6, scores, how)]
