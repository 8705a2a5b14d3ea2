"""Answers looked up by counts: the predictor without a net for what counting alone decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.shares import Shares, count

MODULI = range(2, 11)
MOST_INPUTS = 4
BITS = 20  # of a key, for each difference between two counts of these inputs: counts are below 2 ** (BITS - 1)


@dataclass(frozen=True, eq=False)
class CountTable:
    """How often each class was, in the training data, the answer after inputs with these counts.

    inputs: how many there are. per_step: whether an answer follows after each step. keys: one number for the counts
    `(…, I)` of each input so far. shares: by these numbers.
    """

    inputs: int
    per_step: bool
    keys: Callable[[Array], Array]
    shares: Shares

    def predict(self, split: Split) -> Array:
        """Logits `(N, T, O)`, or `(N, O)` where the task has one answer a sequence."""
        return self.shares.predict(self.keys(counted(split, self.inputs, per_step=self.per_step)))


def count_table(task: Task, dataset: Dataset) -> Reference:
    """The score of the statistic of the counts that does best on training data."""
    model, what = choose_count_table(task, dataset.train)
    how = f"the answers in the training data after inputs with the same {what}"
    return score(task, "count_table", "baseline", model.predict, dataset, how)


def choose_count_table(task: Task, train: Split) -> tuple[CountTable, str]:
    """The one that predicts each answer of `train` best from the others, and what it looks at: differences between the
    counts of neighbouring inputs, or each count modulo k. ValueError where there are more than `MOST_INPUTS` inputs."""
    if task.input_size > MOST_INPUTS:
        raise ValueError(f"{task.label} has {task.input_size} inputs: expected at most {MOST_INPUTS}")
    counts = counted(train, task.input_size, per_step=task.per_step)
    asked = np.ones(counts.shape[:-1], dtype=bool) if train.mask is None else train.mask
    answers = train.targets[asked]
    statistics: dict[str, Callable[[Array], Array]] = {"differences between counts": differences}
    statistics |= {f"counts modulo {modulus}": partial(remainders, modulus=modulus) for modulus in MODULI}
    tables = {what: count(keys(counts)[asked], answers, task.output_size) for what, keys in statistics.items()}
    (_, weight), what = min(((table.best(), what) for what, table in tables.items()), key=lambda one: one[0][0])
    shares = tables[what].shares(weight)
    return CountTable(task.input_size, task.per_step, statistics[what], shares), what


def counted(split: Split, inputs: int, *, per_step: bool) -> Array:
    """How often each input has occurred: `(N, T, I)` after every step (`per_step`), or `(N, I)` after the last.

    Inputs are tokens `(N, T)`, or `(N, T, I)` of zeros and ones.
    """
    given = split.inputs[..., None] == np.arange(inputs) if split.inputs.ndim == 2 else split.inputs == 1
    if split.lengths is not None:
        given = given & (np.arange(given.shape[1]) < split.lengths[:, None])[..., None]
    return np.asarray(given.cumsum(axis=1) if per_step else given.sum(axis=1))


def differences(counts: Array) -> Array:
    """One number `(…)` for the differences between neighbouring counts, of at most `MOST_INPUTS`."""
    shifted = np.diff(counts, axis=-1) + (1 << BITS - 1)
    return np.asarray(shifted @ (1 << BITS * np.arange(shifted.shape[-1])))


def remainders(counts: Array, modulus: int) -> Array:
    """One number `(…)` for the remainders of all counts."""
    return np.asarray(counts % modulus @ modulus ** np.arange(counts.shape[-1]))
