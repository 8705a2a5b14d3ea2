"""The inputs at marked steps, in their order: the predictor without a net for what is to be picked out and repeated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Reference, Split, Task
from tasks.logistic import steps_asked_at_the_end
from tasks.look_back import numbered, symbols_of
from tasks.shares import Shares, count


@dataclass(frozen=True, eq=False)
class MarkedSteps:
    """How often each class was, in the training data, the answer number k to the input at the marked step number k.

    mark: the feature that is 1 at a marked step. asked: for how many answers, at the end. symbols: each distinct input
    vector, `(S, I)`. shares: by the numbers of these.
    """

    mark: int
    asked: int
    symbols: Array
    shares: Shares

    def predict(self, split: Split) -> Array:
        """Logits `(N, T, O)`: 0 before the answers."""
        keys = numbered(picked(split.inputs[:, : -self.asked], self.mark, self.asked), self.symbols)
        answers = self.shares.predict(keys)
        before = np.zeros((*split.inputs.shape[:2], answers.shape[-1]))[:, : -self.asked]
        return np.concatenate([before, answers], axis=1)


def marked_steps(task: Task, dataset: Dataset) -> list[Reference]:
    """The score with the mark that does best on training data; none where no feature marks as many steps as there are
    answers, at places that differ, or where all that is marked is alike."""
    train, asked = dataset.train, steps_asked_at_the_end(dataset.train)
    if not asked:
        return []
    shown, answers = train.inputs[:, :-asked], train.targets[:, -asked:]
    best, least = None, math.inf
    for mark in marks(shown, asked):
        inputs = picked(shown, mark, asked)
        symbols = symbols_of(inputs)
        counts = count(numbered(inputs, symbols).ravel(), answers.reshape(-1, *answers.shape[2:]), task.output_size)
        loss, weight = counts.best()
        if len(symbols) > 1 and loss < least:
            best, least = MarkedSteps(mark, asked, symbols, counts.shares(weight)), loss
    if best is None:
        return []
    how = f"what followed, in the training data, on the input at the marked step (input {best.mark}) of the same number"
    return [score(task, "marked_steps", "baseline", best.predict, dataset, how)]


def marks(inputs: Array, times: int) -> list[int]:
    """The features of inputs `(N, T, I)` that are 1 at so many steps of every sequence, not always the same, and
    otherwise 0."""
    is_set = inputs == 1
    alike = (is_set == is_set[:1]).all(axis=(0, 1))
    possible = (is_set.sum(axis=1) == times).all(axis=0) & (is_set | (inputs == 0)).all(axis=(0, 1)) & ~alike
    return [int(mark) for mark in np.flatnonzero(possible)]


def picked(inputs: Array, mark: int, times: int) -> Array:
    """`(N, times, I)`: the inputs `(N, T, I)` of the first so many steps that are marked, in their order."""
    places = np.argsort(inputs[:, :, mark] != 1, axis=1, kind="stable")[:, :times]
    return np.take_along_axis(inputs, places[..., None], axis=1)
