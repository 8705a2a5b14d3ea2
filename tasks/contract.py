"""What a task promises: data in three splits, a loss, metrics, a target to reach and references to beat.

A task is a frozen dataclass; its fields are its parameters (`copy[delay=50,length=10]` on the command line).
It is a leaf of the project: NumPy only, never torch, never `bench`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:  # a type alone must not load numpy: `bench list` starts without it
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"
Loss = Literal["mse", "cross_entropy", "binary_cross_entropy"]
LOSSES: tuple[Loss, ...] = ("mse", "cross_entropy", "binary_cross_entropy")
BUDGETS = ("smoke", "quick", "standard", "full")


@dataclass(frozen=True)
class Split:
    """N sequences of T steps.

    inputs: `(N, T, input_size)` float32, or `(N, T)` integer tokens (a learner one-hot encodes them per batch).
    targets: mse and binary_cross_entropy: `(N, output_size)`, or `(N, T, output_size)` for a per-step task, float32;
        cross_entropy: integer classes, `(N,)`, or `(N, T)` for a per-step task.
    mask: `(N, T)` bool, per-step tasks only: the steps that count in loss and metrics. None: all of them.
    lengths: `(N,)` integers in 1..T where sequences are padded at the end. None: all have length T.
        A per-sequence prediction is read at the last real step. A padded per-step task also masks its padding.
    """

    inputs: Array
    targets: Array
    mask: Array | None = None
    lengths: Array | None = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Dataset:
    """Three splits that never overlap: train for gradients, valid for choices, test for results only."""

    train: Split
    valid: Split
    test: Split


@dataclass(frozen=True)
class Target:
    """What counts as solved: a validation metric (or "loss") at or beyond a threshold."""

    metric: str
    threshold: float
    direction: Literal["below", "above"] = "below"

    def reached(self, value: float) -> bool:
        """Whether `value` meets the threshold; NaN never does."""
        return value <= self.threshold if self.direction == "below" else value >= self.threshold


@dataclass(frozen=True)
class Reference:
    """A predictor without a recurrent net, scored on the test split in the task's own loss.

    kind: "floor" is the naive predictor that has skill 0 (each task has exactly one), "baseline" any other
    contender (a linear model, say), "limit" the best that the noise allows: who beats it on test data has seen it.
    """

    name: str
    kind: Literal["floor", "baseline", "limit"]
    loss: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    how: str = ""


@dataclass(frozen=True)
class Defaults:
    """How a task wants to be trained when nobody says otherwise.

    steps: optimiser steps of one training at each budget (all of `BUDGETS`).
    learning_rate: the range that the search draws from, log scale.
    """

    batch_size: int
    steps: Mapping[str, int]
    learning_rate: tuple[float, float]


@dataclass(frozen=True)
class Columns:
    """How a task reads a table: which columns make an input, which are predicted, and the units of both.

    A value v of input column i enters as (v − input_mean[i]) / input_scale[i]; a prediction p of output column o is
    p · output_scale[o] + output_mean[o] in the column's own units, `horizon` rows after the last of `window` rows.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    window: int
    horizon: int = 1
    growth: bool = False  # the columns enter as growth in percent: 100 times the difference of their logarithms
    input_mean: tuple[float, ...] = ()  # empty: the columns are used as they are
    input_scale: tuple[float, ...] = ()
    output_mean: tuple[float, ...] = ()
    output_scale: tuple[float, ...] = ()


class Task(ABC):
    """Base class of every task. Subclass it as a frozen dataclass in a file of its own.

    `budgets` gives other parameter values for a budget (the quick copy task is shorter than the published one);
    a parameter that the user sets wins over them.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1  # raise it when the data made from a seed change
    summary: ClassVar[str]  # one line for `bench list tasks`
    loss: ClassVar[Loss]
    defaults: ClassVar[Defaults]
    budgets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Features at each step, or the number of token symbols."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Values predicted at once, or the number of classes."""

    @property
    @abstractmethod
    def target(self) -> Target:
        """What counts as solved, on validation data."""

    @property
    def per_step(self) -> bool:
        """One prediction at every step (True), or one at the end of the sequence."""
        return False

    @abstractmethod
    def generate(self, seed: int | np.random.Generator) -> Dataset:
        """The three splits; the same seed gives the same data on every machine."""

    @abstractmethod
    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """Scores of raw outputs (predictions, or logits) against targets, without the loss itself."""

    @abstractmethod
    def references(self, dataset: Dataset) -> Sequence[Reference]:
        """The floor (exactly one) and what else a recurrent net should be compared with, on `dataset.test`."""

    @property
    def columns(self) -> Columns | None:
        """How a trained model reads a table of a user; None: the task's sequences are no rows of a table."""
        return None

    def identity(self) -> dict[str, Any]:
        """What decides the data besides name, version and seed: JSON-able. Tasks that read files add their hash."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    @property
    def label(self) -> str:
        """How this task is called in tables: its name, with the parameters that differ from their defaults."""
        changed = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name) != f.default]  # type: ignore[arg-type]
        return f"{self.name}[{','.join(changed)}]" if changed else self.name
