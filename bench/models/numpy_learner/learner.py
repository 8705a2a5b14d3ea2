"""The learner of the NumPy cells: a stack of layers with head, loss, clipping and optimiser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bench.models.contract import Learner, ParameterCount, Problem, Settings
from bench.models.numpy_learner.head import Head
from bench.models.numpy_learner.layer import Layer
from bench.models.numpy_learner.losses import LOSS_FUNCTIONS
from bench.models.numpy_learner.optimiser import OPTIMISERS, clip_gradient_norm
from bench.models.numpy_learner.parameters import Parameters, check_entries
from bench.models.numpy_learner.stack import Stack, padding
from tasks.contract import Array, Split

PREDICT_BYTES = 32 << 20  # of states and inputs that `predict` holds at a time


@dataclass(frozen=True)
class Placed:
    """A split, or a batch of it, in the layout of the computation: the sequence is the last axis.

    inputs `(T, I, N)`, or tokens `(T, N)`; targets `(O, N)` or `(T, O, N)`, or classes `(N,)` or `(T, N)`;
    mask `(T, N)`; lengths `(N,)`.
    """

    inputs: Array
    targets: Array
    mask: Array | None
    lengths: Array | None

    def ordered(self, order: Array) -> Placed:
        """Copy the sequences `order` `(n,)`. `take` keeps the sequence innermost in memory; indexing would not."""
        mask = None if self.mask is None else self.mask.take(order, axis=-1)
        lengths = None if self.lengths is None else self.lengths[order]
        return Placed(self.inputs.take(order, axis=-1), self.targets.take(order, axis=-1), mask, lengths)

    def part(self, start: int, stop: int) -> Placed:
        """Return views of the sequences start … stop − 1."""
        mask = None if self.mask is None else self.mask[..., start:stop]
        lengths = None if self.lengths is None else self.lengths[start:stop]
        return Placed(self.inputs[..., start:stop], self.targets[..., start:stop], mask, lengths)


class NumpyLearner(Learner):
    """A learner in NumPy.

    weights: by torch's names, float64, as drawn by `draw_weights`. dropout: the seed of the masks between layers. A NaN
    or an overflow leads to a loss that is not finite, which the trainer records, and to no warning or error.
    """

    kernel = "numpy"

    def __init__(
        self,
        layer: type[Layer[Any]],
        problem: Problem,
        settings: Settings,
        weights: Mapping[str, Array],
        dropout: int,
    ) -> None:
        if settings.device != "cpu":
            raise ValueError(f"the NumPy cells run on device 'cpu', not '{settings.device}'")
        self.problem, self.settings, self.learning_rate = problem, settings, settings.learning_rate
        self.dtype = np.dtype(settings.dtype)
        self._parameters = Parameters.of(weights, self.dtype)
        self._gradients = gradients = self._parameters.like()
        self._optimiser = OPTIMISERS[settings.optimizer](self._parameters, weight_decay=settings.weight_decay)
        recurrent = [name for name in self._parameters if not name.startswith("head.")]
        self._stack = Stack(
            layer,
            {name: self._parameters[name] for name in recurrent},
            {name: gradients[name] for name in recurrent},
            dropout=settings.dropout,
            rng=np.random.default_rng(dropout),
        )
        names = ("head.weight", "head.bias")
        self._head = Head(*(self._parameters[name] for name in names), *(gradients[name] for name in names))
        self._loss = LOSS_FUNCTIONS[problem.loss]

    @property
    def parameter_count(self) -> ParameterCount:
        head = self._head.weight.size + self._head.bias.size
        return ParameterCount(recurrent=self._parameters.flat.size - head, head=head)

    def place(self, split: Split) -> Placed:
        """Copy a split with the sequence last, in the learner's dtype. ValueError or TypeError if it does not fit."""
        check_split(split, self.problem)
        inputs = split.inputs.T if self.problem.tokens else split.inputs.transpose(1, 2, 0)
        targets = split.targets.transpose(*range(1, split.targets.ndim), 0)
        classes = self.problem.loss == "cross_entropy"
        return Placed(
            np.ascontiguousarray(inputs, dtype=None if self.problem.tokens else self.dtype),
            np.ascontiguousarray(targets, dtype=np.intp if classes else self.dtype),
            None if split.mask is None else np.ascontiguousarray(split.mask.T),
            None if split.lengths is None else np.asarray(split.lengths),
        )

    def batches(self, placed: Placed, order: Array, batch_size: int) -> Iterator[Placed]:
        """Copy the epoch once, in its order, and yield slices of it."""
        epoch = placed.ordered(order)
        for start in range(0, len(order), batch_size):
            yield epoch.part(start, start + batch_size)

    def train_step(self, batch: Placed) -> float:
        # a diverged training has a loss that is not finite, so NumPy's warnings would add nothing
        with np.errstate(all="ignore"):
            loss = self._backward(batch)
            if self.settings.clip_norm is not None:
                clip_gradient_norm(self._gradients, self.settings.clip_norm)
            self._optimiser.step(self._gradients, self.learning_rate)
            self._stack.pack()
        return loss

    def _backward(self, batch: Placed) -> float:
        """Forward and backward pass: the loss; the gradients are in `_gradients`."""
        outputs, final = self._stack.forward(batch.inputs, lengths=batch.lengths, training=True)
        states = outputs if self.problem.per_step else final[0, -1]
        loss, d_predictions = self._loss(self._head.forward(states), batch.targets, batch.mask)
        d_states = self._head.backward(states, d_predictions)
        if self.problem.per_step:
            self._stack.backward(d_states)
        else:
            d_final = np.zeros_like(final)
            d_final[0, -1] = d_states  # the last layer's h; in an LSTM no loss reads c
            self._stack.backward(None, d_final)
        return loss

    def gradients(self, batch: Placed) -> dict[str, Array]:
        with np.errstate(all="ignore"):
            self._backward(batch)
        return {name: view.copy() for name, view in self._gradients.items()}

    def losses(self, collected: Sequence[float]) -> Array:
        return np.asarray(collected, dtype=np.float64)

    def predict(self, placed: Placed) -> Array:
        steps, sequences = placed.inputs.shape[0], placed.inputs.shape[-1]
        column_bytes = steps * (2 * self._stack.hidden_size + self._stack.input_size) * self.dtype.itemsize
        parts = -(-sequences // max(16, PREDICT_BYTES // column_bytes))
        bounds = [sequences * part // parts for part in range(parts + 1)]  # parts of at most two sizes: few workspaces
        predictions = []
        with np.errstate(all="ignore"):
            for start, stop in pairwise(bounds):
                part = placed.part(start, stop)
                outputs, final = self._stack.forward(part.inputs, lengths=part.lengths)
                predictions.append(self._head.forward(outputs if self.problem.per_step else final[0, -1]))
        return np.ascontiguousarray(np.moveaxis(np.concatenate(predictions, axis=-1), -1, 0))

    def state(self) -> dict[str, Array]:
        return {**{name: view.copy() for name, view in self._parameters.items()}, **self._optimiser.state()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        check_entries({name: array.shape for name, array in self.state().items()}, state)
        self._parameters.load({name: state[name] for name in self._parameters})
        self._optimiser.load(state)
        self._stack.pack()


def check_split(split: Split, problem: Problem) -> None:
    """Raise ValueError or TypeError with the expected and the given shape if a split does not fit the problem."""
    N, T = split.inputs.shape[:2]
    expected: tuple[int, ...] = (N, T) if problem.tokens else (N, T, problem.input_size)
    _check_shape("inputs", split.inputs, expected)
    if problem.tokens:
        _check_range("tokens", split.inputs, problem.input_size)
    leading = (N, T) if problem.per_step else (N,)
    if problem.loss == "cross_entropy":
        _check_shape("classes", split.targets, leading)
        _check_range("classes", split.targets, problem.output_size)
    else:
        _check_shape("targets", split.targets, (*leading, problem.output_size))
    if split.mask is not None:
        if not problem.per_step:
            raise ValueError("a mask says which steps count, but this task has one prediction for each sequence")
        _check_shape("mask", split.mask, (N, T))
        if split.mask.dtype != np.bool_:
            raise TypeError(f"mask must be bool, not {split.mask.dtype}")
    if split.lengths is not None:
        padding(split.lengths, T, N)


def _check_shape(what: str, array: Array, expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise ValueError(f"{what} must have shape {expected}, not {array.shape}")


def _check_range(what: str, array: Array, size: int) -> None:
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{what} must be integers, not {array.dtype}")
    if array.size and (array.min() < 0 or array.max() >= size):
        raise ValueError(f"{what} must lie in 0 … {size - 1}, not {array.min()} … {array.max()}")
