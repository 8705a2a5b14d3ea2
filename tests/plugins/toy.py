"""A plug-in for tests: a task that a linear model solves, a model that is one, and models that go wrong.

It is loaded as a user's plug-in would be, so these tests exercise that road as well.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.models.contract import Learner, Model, ParameterCount, Problem, Settings
from tasks.contract import BUDGETS, Dataset, Defaults, Reference, Split, Target, Task
from tasks.losses import mean_loss

_HOARD: list[Any] = []


@dataclass(frozen=True)
class Toy(Task):
    """The mean of a short random sequence, seen with a little noise."""

    name = "toy"
    summary = "the mean of a sequence"
    loss = "mse"
    defaults = Defaults(batch_size=8, steps=dict.fromkeys(BUDGETS, 40), learning_rate=(0.01, 0.3))

    length: int = 4

    input_size = 1
    output_size = 1
    target = Target("loss", 0.01)

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        rng = np.random.default_rng(seed)

        def split(n: int) -> Split:
            inputs = rng.normal(size=(n, self.length, 1)).astype(np.float32)
            noise = 0.05 * rng.normal(size=(n, 1)).astype(np.float32)
            return Split(inputs, inputs.mean(axis=1) + noise)

        return Dataset(split(64), split(32), split(32))

    def metrics(self, outputs: Any, targets: Any, mask: Any = None) -> dict[str, float]:
        return {"mae": float(np.abs(outputs - targets).mean())}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        zero = np.zeros_like(dataset.test.targets)
        return [Reference("zero", "floor", mean_loss("mse", zero, dataset.test.targets), how="always 0")]


class LinearLearner(Learner):
    """One weight for each step, by gradient descent; float64."""

    kernel = "toy"

    def __init__(self, problem: Problem, settings: Settings, rng: np.random.Generator) -> None:
        self.weights = rng.normal(size=(problem.sequence_length, 1))
        self.learning_rate = settings.learning_rate
        self.calls = 0

    @property
    def parameter_count(self) -> ParameterCount:
        return ParameterCount(0, self.weights.size)

    def place(self, split: Split) -> Any:
        return split.inputs[:, :, 0].astype(np.float64), split.targets.astype(np.float64)

    def batches(self, placed: Any, order: Any, batch_size: int) -> Iterator[Any]:
        for start in range(0, len(order), batch_size):
            index = order[start : start + batch_size]
            yield placed[0][index], placed[1][index]

    def train_step(self, batch: Any) -> Any:
        self.calls += 1
        inputs, targets = batch
        error = inputs @ self.weights - targets
        self.weights = self.weights - self.learning_rate * 2 * inputs.T @ error / len(error)
        return float((error**2).mean())

    def losses(self, collected: Sequence[Any]) -> Any:
        return np.array(collected, dtype=np.float64)

    def predict(self, placed: Any) -> Any:
        return placed[0] @ self.weights

    def state(self) -> dict[str, Any]:
        return {"head.weight": self.weights.T.copy()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        if state.keys() != {"head.weight"}:
            raise ValueError(f"expected head.weight alone, not {sorted(state)}")
        self.weights = state["head.weight"].T.copy()


@dataclass(frozen=True)
class Linear(Model):
    """A linear model that behaves, or does not."""

    name = "linear"
    summary = "one weight for each step"
    cell = "linear"
    ignores = ("hidden_size", "num_layers", "dropout")

    def build(self, problem: Problem, settings: Settings, weights: np.random.Generator, dropout: int) -> Learner:
        return LinearLearner(problem, settings, weights)

    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        return ParameterCount(0, problem.sequence_length)


@dataclass(frozen=True)
class Faulty(Linear):
    """Goes wrong after `after` steps.

    It raises, turns to NaN, explodes, runs out of memory, kills its process, hangs, or allocates without end.
    """

    name = "faulty"
    summary = "goes wrong"
    how: str = "raise"
    after: int = 10

    def build(self, problem: Problem, settings: Settings, weights: np.random.Generator, dropout: int) -> Learner:
        return _FaultyLearner(self, problem, settings, weights)


class _FaultyLearner(LinearLearner):
    def __init__(self, model: Faulty, problem: Problem, settings: Settings, rng: np.random.Generator) -> None:
        super().__init__(problem, settings, rng)
        self.model = model

    def train_step(self, batch: Any) -> Any:
        loss = super().train_step(batch)
        if self.calls > self.model.after:
            if self.model.how == "raise":
                raise RuntimeError("the cell | broke <here>")
            if self.model.how == "nan":
                self.weights = self.weights * np.nan
            if self.model.how == "explode":
                self.weights = self.weights * 1e4
            if self.model.how == "memory":
                raise MemoryError
            if self.model.how == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.model.how == "exit":
                sys.exit(0)
            if self.model.how == "interrupt":
                raise KeyboardInterrupt
            if self.model.how == "leave":
                os._exit(0)
            if self.model.how == "hang":
                threading.Event().wait()
            while self.model.how == "allocate":
                _HOARD.append(np.ones(1 << 24))  # 128 MiB, each page written
        return loss
