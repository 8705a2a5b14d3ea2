"""The base class of the NumPy cells' registry entries, which differ only in the layer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import numpy as np

from bench.models.contract import Group, Model, OptimizerName, ParameterCount, Problem, Settings
from bench.models.initialisation import draw_weights
from bench.models.numpy_learner.layer import Layer
from bench.models.numpy_learner.learner import NumpyLearner
from bench.models.sizing import parameter_count


@dataclass(frozen=True)
class NumpyModel(Model):
    """A cell in NumPy. It has the same initial weights as torch's cell, given the same generator."""

    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    optimizers: ClassVar[tuple[str, ...]] = get_args(OptimizerName)
    uses_torch: ClassVar[bool] = False
    states: ClassVar[int | None] = 1
    group: ClassVar[Group] = "standard"

    @abstractmethod
    def layer(self) -> type[Layer[Any]]:
        """The class that computes one direction of one layer of this cell."""

    def build(self, problem: Problem, settings: Settings, weights: np.random.Generator, dropout: int) -> NumpyLearner:
        drawn = draw_weights(
            settings.init,
            self.cell,
            input_size=problem.input_size,
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            output_size=problem.output_size,
            sequence_length=problem.sequence_length,
            rng=weights,
        )
        return NumpyLearner(self.layer(), problem, settings, drawn, dropout)

    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        return parameter_count(self.cell, problem, hidden_size, num_layers)
