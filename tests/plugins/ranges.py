"""A plug-in whose model declares ranges of its own hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.models.contract import Learner, Model, ParameterCount, Problem, Settings
from bench.models.ranges import Choice, Range
from tasks.contract import Split


class _Constant(Learner):
    """Predicts `level` for everything, and learns nothing but a bias."""

    kernel = "numpy"

    def __init__(self, problem: Problem, settings: Settings, level: float) -> None:
        self.learning_rate, self._shape, self._bias = settings.learning_rate, (problem.output_size,), np.array([level])

    @property
    def parameter_count(self) -> ParameterCount:
        return ParameterCount(0, 1)

    def place(self, split: Split) -> Any:
        return split

    def batches(self, placed: Any, order: Any, batch_size: int) -> Any:
        for start in range(0, len(order), batch_size):
            yield placed.targets[order[start : start + batch_size]]

    def train_step(self, batch: Any) -> float:
        error = self._bias - batch
        self._bias = self._bias - self.learning_rate * 2 * error.mean()
        return float((error**2).mean())

    def losses(self, collected: Any) -> Any:
        return np.array(collected)

    def predict(self, placed: Any) -> Any:
        return np.full((len(placed), *self._shape), self._bias[0])

    def state(self) -> dict[str, Any]:
        return {"bias": self._bias.copy()}

    def load_state(self, state: Any) -> None:
        if state.keys() != {"bias"}:
            raise ValueError(f"expected bias alone, not {sorted(state)}")
        self._bias = state["bias"].copy()


@dataclass(frozen=True)
class Level(Model):
    name = "level"
    summary = "a constant whose start is searched"
    cell = "level"
    ignores = ("hidden_size", "num_layers", "dropout")
    uses_torch = False
    units: int = Choice(1, 2, 4)
    start: float = Range(0.01, 1.0, log=True)

    def __post_init__(self) -> None:
        if self.units < 1:
            raise ValueError(f"expected units >= 1, not {self.units}")

    def build(self, problem: Problem, settings: Settings, weights: Any, dropout: int) -> Learner:
        return _Constant(problem, settings, self.start * self.units)

    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        return ParameterCount(0, 1)
