"""The copy-memory task of Arjovsky, Shah & Bengio 2016: remember a string across a stretch of blanks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.baselines import memoryless_copy_loss
from tasks.contract import Array, Dataset, Defaults, Parameters, Reference, Split, Target, Task
from tasks.errors import UserError
from tasks.look_back import look_back

SYMBOLS = 8  # a_0 … a_7 of the paper
BLANK = 8  # a_8
DELIMITER = 9  # a_9: recall begins now
TOKENS = 10
CLASSES = 9  # a symbol or a blank is predicted, never the delimiter
SEQUENCES = (20_000, 500, 500)  # training, validation, test


@dataclass(frozen=True)
class CopyMemory(Task):
    """Input: `length` random symbols, delay − 1 blanks, one delimiter, `length` blanks: T = delay + 2·length steps.
    Target: delay + length blanks, then the symbols. Cross-entropy over all steps, as in the paper (section 4.1).

    length: symbols to remember, 10 in the paper. delay: the paper's T.

    Strings are drawn anew from the seed, and no string is in two splits or twice in one. Where there are too few for
    that (length 5 and below: 8^5 = 32,768), they are drawn independently and splits share strings: a score then shows
    that the net can remember, which is the purpose of the task, not that it generalises to strings it never saw.
    """

    delay: int = 20
    length: int = 10

    name = "copy"
    defining = ("delay", "length")
    summary = "repeat a string of symbols after a delay (Arjovsky et al. 2016)"
    cites = ("arjovsky2016",)
    loss = "cross_entropy"
    input_size, output_size = TOKENS, CLASSES
    per_step = True
    target = Target("recall_accuracy", 0.99, "above")
    defaults = Defaults(
        batch_size=64,
        steps={"smoke": 25, "quick": 1000, "standard": 6000, "full": 20_000},
        learning_rate=(3e-3, 3e-2),
    )
    budgets: ClassVar[Parameters] = {
        "smoke": {"delay": 10, "length": 3},
        "quick": {"delay": 10, "length": 3},
    }

    def __post_init__(self) -> None:
        for name in ("delay", "length"):
            if getattr(self, name) < 1:
                raise UserError(f"copy[{name}={getattr(self, name)}]: expected 1 or more")

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        total = sum(SEQUENCES)
        strings = _draw_strings(np.random.default_rng(seed), total, self.length)
        first, second = SEQUENCES[0], SEQUENCES[0] + SEQUENCES[1]
        parts = (strings[:first], strings[first:second], strings[second:])
        return Dataset(*(self.make_split(part) for part in parts))

    def make_split(self, strings: Array) -> Split:
        """Inputs and targets `(N, delay + 2·length)` int64 for strings `(N, length)` of symbols 0 to 7."""
        steps = self.delay + 2 * self.length
        inputs = np.full((len(strings), steps), BLANK, dtype=np.int64)
        inputs[:, : self.length] = strings
        inputs[:, self.length + self.delay - 1] = DELIMITER
        targets = np.full((len(strings), steps), BLANK, dtype=np.int64)
        targets[:, -self.length :] = strings
        return Split(inputs, targets)

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """Over the recall steps, the last `length`: the share of right symbols (chance 1/8), and of right strings.

        Accuracy over all steps would be misleadingly high, as most of them are blanks. `mask` is not used: no step is
        padding.
        """
        right = outputs[:, -self.length :].argmax(axis=-1) == targets[:, -self.length :]
        return {"recall_accuracy": float(right.mean()), "string_accuracy": float(right.all(axis=1).mean())}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        """The floor is the same for every data set: guessing costs ln 8 for any symbol. A look-up of the fixed delay
        makes no mistake, so a net is here to show its memory, not because one is needed."""
        chance = {"recall_accuracy": 1 / SYMBOLS, "string_accuracy": float(SYMBOLS) ** -self.length}
        loss = memoryless_copy_loss(self.length, self.delay, SYMBOLS)
        how = "exact formula: length·ln 8 / (delay + 2·length)"
        floor = Reference("memoryless", "floor", loss, chance, how, loss)
        return [floor, look_back(self, dataset)]


def _draw_strings(rng: np.random.Generator, count: int, length: int) -> Array:
    """`(count, length)` symbols, uniform; all different where at least twice as many strings exist."""
    strings = rng.integers(0, SYMBOLS, size=(count, length))
    if SYMBOLS**length < 2 * count:
        return strings
    while True:
        _, first = np.unique(strings, axis=0, return_index=True)
        if len(first) == count:
            return strings
        again = np.setdiff1d(np.arange(count), first)
        strings[again] = rng.integers(0, SYMBOLS, size=(len(again), length))
