"""What a task promises: data in three splits, a loss, metrics, a target to reach, and references to compare with.

A task is a frozen dataclass; its fields are its parameters (`copy[delay=50,length=10]` on the command line).
The package `tasks` needs NumPy and nothing else: neither torch nor `bench`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from tasks.entry import RegistryEntry
from tasks.reading import Reading, Selection

if TYPE_CHECKING:  # a type alone must not load numpy: `bench list` starts without it
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"
Loss = Literal["mse", "cross_entropy", "binary_cross_entropy"]
LOSSES: tuple[Loss, ...] = ("mse", "cross_entropy", "binary_cross_entropy")
BUDGETS = ("smoke", "quick", "standard", "full")
Parameters: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Parameter values by name, for some of `BUDGETS`."""


@dataclass(frozen=True)
class Split:
    """N sequences of T steps.

    inputs: `(N, T, input_size)` float32, or `(N, T)` integer tokens (a learner one-hot encodes them per batch).
    targets: mse and binary_cross_entropy: `(N, output_size)`, or `(N, T, output_size)` for a per-step task, float32;
        cross_entropy: integer classes, `(N,)`, or `(N, T)` for a per-step task.
    mask: `(N, T)` bool, per-step tasks only: the steps that count in loss and metrics. None: all of them.
    lengths: `(N,)` integers in 1..T where sequences are padded at the end. None: all have length T. A prediction for
        the whole sequence is read at its last real step; a per-step task also masks its padding.
    base: `(N, output_size)` float64 where targets are changes: the values from which they start, in the data's own
        units. It is no part of what a model sees.
    measured: `(N, output_size)` bool where some targets stand in for values that are missing in the data: False for
        these, which may be learnt from and are never scored. None: all were measured.
    """

    inputs: Array
    targets: Array
    mask: Array | None = None
    lengths: Array | None = None
    base: Array | None = None
    measured: Array | None = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Dataset:
    """Three splits that never overlap: train gives gradients, valid decides choices, test is for results alone."""

    train: Split
    valid: Split
    test: Split


@dataclass(frozen=True)
class Target:
    """What counts as solved: a metric on validation data (or their "loss") that reaches a threshold."""

    metric: str
    threshold: float
    direction: Literal["below", "above"] = "below"

    def reached(self, value: float) -> bool:
        """Whether `value` meets the threshold; NaN never does."""
        return value <= self.threshold if self.direction == "below" else value >= self.threshold


@dataclass(frozen=True)
class Reference:
    """A predictor without a recurrent net, scored in the task's own loss.

    kind: "floor" is the naive predictor that has skill 0 (each task has exactly one), "baseline" any other predictor
        (a linear model, say), "limit" the lowest loss that the noise allows: a model below it has seen the test data.
    loss, metrics: on test data. valid_loss: the loss on validation data, from which the best reference is chosen; None
        where it is not known. how: in a few words, how it predicts.
    outputs: its predictions for the test data, as a net's; None where they are not kept. `bench validate` scores them.
    """

    name: str
    kind: Literal["floor", "baseline", "limit"]
    loss: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    how: str = ""
    valid_loss: float | None = None
    outputs: Array | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class ForecastTimes:
    """When the predictions of the test data are for. name: of the time column, or "row"; texts: one a prediction.

    outputs: positions of those of the O outputs that are for these times.
    """

    name: str
    texts: tuple[str, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Origin:
    """Where a replicate cuts a series: the forecast origin is the row before its test block.

    block: 0 (the earliest) to blocks − 1; None: the origin before all blocks, where a single search looks.
    blocks: how many the series has. train_rows, test_rows: rows of the training part and of the test block.
    rows: of the whole series; 0: not told.
    """

    block: int | None
    blocks: int
    train_rows: int
    test_rows: int
    rows: int = 0


@dataclass(frozen=True)
class Defaults:
    """How a task is trained where the user sets nothing else.

    steps: optimiser steps of one training, for each of `BUDGETS`.
    learning_rate: the range that a search draws from, on a log scale.
    """

    batch_size: int
    steps: Mapping[str, int]
    learning_rate: tuple[float, float]


@dataclass(frozen=True)
class Columns:
    """How a task reads a table: the input columns, the predicted columns, and the units of both.

    A value v of input i enters as (v − input_mean[i]) / input_scale[i]; a prediction p of output o is
    p · output_scale[o] + output_mean[o] in the transform's units, and `tasks.transform.own_units` gives the column's.

    outputs: their names: the targets, each `horizon` rows after the last of `window` rows; or each target at each of
    several `horizons`, of which `horizon` is the furthest. reading, selection: how a file becomes inputs; None: its
    columns are the inputs as they stand. words: of each categorical column.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    window: int
    horizon: int = 1
    input_mean: tuple[float, ...] = ()  # empty: the columns are used as they are
    input_scale: tuple[float, ...] = ()
    output_mean: tuple[float, ...] = ()
    output_scale: tuple[float, ...] = ()
    transform: Literal["none", "growth", "difference", "log"] = "none"
    horizons: tuple[int, ...] = ()  # empty: `horizon` alone
    reading: Reading | None = None
    selection: Selection | None = None
    words: tuple[tuple[str, ...], ...] = ()


class Task(RegistryEntry):
    """Base class of every task. Subclass it as a frozen dataclass in a file of its own.

    What does not depend on parameters is a class attribute: `input_size = 1`. What does is a property.
    `version` is raised when the data that a seed gives change. `budgets` has other parameter values for a budget (the
    quick copy task is shorter than the published one); a parameter that the user sets takes precedence.
    """

    loss: ClassVar[Loss]
    defaults: ClassVar[Defaults]
    budgets: ClassVar[Parameters] = {}
    per_step: bool = False  # one prediction at every step (True), or one at the end of the sequence
    loss_unit: ClassVar[str] = ""  # "1 is …", where a loss is in other units than the data
    constant: ClassVar[bool] = False  # every seed gives the same data: replicates then differ in their weights alone
    resampled: ClassVar[bool] = False  # every seed deals one set of data anew, so that replicates share sequences

    @property
    def asks(self) -> str:
        """What is to be predicted, in a few words, for a report."""
        return re.sub(r" \(extra: \w+\)", "", self.summary)

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

    def at(self, replicate: int) -> Task:
        """This task as a replicate has it: 0 is the search that serves all replicates, 1, 2, … are the replicates.

        A task that draws its data has other data for each seed and is the same task in every replicate. A series has
        one set of rows: each replicate has another forecast origin (see `origin`).
        """
        return self

    @property
    def rows(self) -> int | None:
        """Rows of the series; None where data are drawn."""
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the data before training, a sentence each; usually none."""
        return ()

    @property
    def origin(self) -> Origin | None:
        """Where this replicate cuts the series; None where replicates draw data of their own."""
        return None

    @abstractmethod
    def generate(self, seed: int | np.random.Generator) -> Dataset:
        """The three splits; the same seed gives the same data on every machine."""

    @abstractmethod
    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """Scores of raw outputs (predictions, or logits) against targets, without the loss itself."""

    def score(self, outputs: Array, split: Split) -> dict[str, float]:
        """The metrics of a whole split. A task overrides it whose metrics need more than outputs and targets."""
        return self.metrics(outputs, split.targets, split.mask)

    def in_units(self, values: Array, split: Split) -> Array:
        """Raw outputs or targets of a split in the data's own units, for pictures and tables."""
        columns = self.columns
        if columns is None or not columns.output_scale:
            return values
        return np.asarray(values * np.array(columns.output_scale) + np.array(columns.output_mean))

    @abstractmethod
    def references(self, dataset: Dataset) -> Sequence[Reference]:
        """The floor (exactly one) and other predictors without a recurrent net, scored on `dataset`."""

    @property
    def columns(self) -> Columns | None:
        """How a trained model reads a user's table; None: the task's sequences are not rows of a table."""
        return None

    @property
    def forecast_times(self) -> ForecastTimes | None:
        """When the predictions of the test data are for, at the task's origin; None: they are not in order of time."""
        return None
