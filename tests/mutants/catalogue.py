"""Faults with which training still works, which the gate must detect.

Each fault patches the code of the process that applies it, permanently.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import bench.models.torch_learner.adam as torch_adam
import bench.models.torch_learner.learner as torch_learner
import bench.training.train as training
from bench.models.initialisation import draw_weights
from bench.models.numpy_gru import GRULayer
from bench.models.numpy_learner.learner import NumpyLearner
from bench.models.numpy_learner.optimiser import Adam
from bench.models.torch_learner import network
from bench.models.torch_learner.adam import FusedAdam
from bench.models.torch_learner.learner import TorchLearner
from bench.models.torch_learner.network import Network


@dataclass(frozen=True)
class Mutant:
    """A fault. name: its description. cells: the affected cells, as patterns for `bench check --cells`."""

    name: str
    cells: str
    apply: Callable[[], None]


MUTANTS: list[Mutant] = []


def mutant(name: str, cells: str, among: list[Mutant] = MUTANTS) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def register(apply: Callable[[], None]) -> Callable[[], None]:
        among.append(Mutant(name, cells, apply))
        return apply

    return register


def after(owner: Any, method: str, extra: Callable[..., None]) -> None:
    """Call `extra(self, …)` after a method, with its arguments."""
    original = getattr(owner, method)

    @functools.wraps(original)
    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        extra(self, *args, **kwargs)
        return result

    setattr(owner, method, patched)


def before(owner: Any, method: str, extra: Callable[..., None]) -> None:
    """Call `extra(self, …)` before a method, with its arguments."""
    original = getattr(owner, method)

    @functools.wraps(original)
    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        extra(self, *args, **kwargs)
        return original(self, *args, **kwargs)

    setattr(owner, method, patched)


def scale_rate(factor: float) -> None:
    for learner in (TorchLearner, NumpyLearner):

        def slower(self: Any, *args: Any, **kwargs: Any) -> None:
            self.learning_rate *= factor

        after(learner, "__init__", slower)


@mutant("learning rate halved", "sine/gru,regression/gru,*/numpy_gru")
def _half_rate() -> None:
    scale_rate(0.5)


@mutant("learning rate 10 % lower", "sine/gru,regression/gru,*/numpy_gru")
def _lower_rate() -> None:
    scale_rate(0.9)


@mutant("clipping dropped", "sine/gru,regression/gru,sine/rnn,regression/rnn")
def _no_clipping() -> None:
    def drop(self: TorchLearner, *args: Any, **kwargs: Any) -> None:
        self._clip_norm = None

    after(TorchLearner, "__init__", drop)


@mutant("reset gate ignored in the NumPy GRU", "*/numpy_gru")
def _no_reset() -> None:
    """Set r to 1 everywhere, forward and backward."""

    def open_gate(self: GRULayer) -> None:
        H = self.hidden_size
        self._W[H : 2 * H] = 0  # σ(0) = 1/2 …
        self._W[H : 2 * H, H] = 20  # … and σ of a large number is 1

    after(GRULayer, "pack", open_gate)


@mutant("bias forgotten: the NumPy GRU's biases get no gradient", "*/numpy_gru")
def _no_bias() -> None:
    def forget(self: GRULayer) -> None:
        self.gradients[2][...] = 0
        self.gradients[3][...] = 0

    after(GRULayer, "_unpack", forget)


@mutant("head's bias not trained", "sine/gru,regression/gru")
def _no_head_bias() -> None:
    def forget(self: FusedAdam) -> None:
        self.parameters[-1].grad = torch.zeros_like(self.parameters[-1])

    before(FusedAdam, "step", forget)


@mutant("batch order not shuffled", "sine/gru,regression/gru,sine/lstm,regression/lstm")
def _not_shuffled() -> None:
    training.orders_of = lambda plan, sequences: itertools.repeat(np.arange(sequences))  # type: ignore[assignment]


@mutant("only half of the training data used", "sine/gru,regression/gru")
def _half_data() -> None:
    original = training.orders_of

    def half(plan: Any, sequences: int) -> Any:
        for order in original(plan, sequences):
            yield order[order < sequences // 2]

    training.orders_of = half  # type: ignore[assignment]


@mutant("update gate's gradient scaled by 0.9 in the NumPy GRU", "*/numpy_gru")
def _scaled_gate() -> None:
    def scale(self: GRULayer) -> None:
        H = self.hidden_size
        for gradient in self.gradients:
            gradient[H : 2 * H] *= 0.9

    after(GRULayer, "_unpack", scale)


@mutant("candidate's derivative 1 − n instead of 1 − n² in the NumPy GRU", "*/numpy_gru")
def _wrong_derivative() -> None:
    original = GRULayer._differentiate

    def patched(self: GRULayer, space: Any, start: int, stop: int) -> None:
        H, n = self.hidden_size, space.N[start:stop]
        original(self, space, start, stop)
        with np.errstate(all="ignore"):
            factor = np.where(np.abs(n) < 0.999, (1 - n) / (1 - n * n), 1).astype(n.dtype)
        for row in (0, 1, 3):  # all that contain da_n
            space.J[: stop - start, row] *= factor[:, :H]

    GRULayer._differentiate = patched  # type: ignore[method-assign]


@mutant("backpropagation cut off after 5 steps in the NumPy GRU", "*/numpy_gru")
def _truncated() -> None:
    original = GRULayer._recur

    def patched(self: GRULayer, space: Any, start: int, stop: int, d_steps: Any) -> None:
        original(self, space, start, stop, d_steps)
        if d_steps is None:
            for t in range(start, min(stop, space.steps - 5)):
                space.d[t - start][...] = 0

    GRULayer._recur = patched  # type: ignore[method-assign]


@mutant("dropout left on in evaluation", "sine/gru,regression/gru")
def _dropout_in_evaluation() -> None:
    def forward(self: Network, inputs: Any, lengths: Any = None) -> Any:
        hidden = self.core(inputs)[0]
        if not self.training:
            hidden = functional.dropout(hidden, 0.1, training=True)
        return self.head(hidden if self.per_step else hidden[:, -1])

    Network.forward = forward  # type: ignore[method-assign]


@mutant("hidden state carried across batches", "sine/gru,regression/gru")
def _carried_state() -> None:
    def forward(self: Network, inputs: Any, lengths: Any = None) -> Any:
        carried = getattr(self, "carried", None)
        if carried is None or carried.shape[1] != len(inputs) or not self.training:
            carried = None
        hidden, last = self.core(inputs, carried)
        self.carried = last.detach() if self.training else None
        return self.head(hidden if self.per_step else hidden[:, -1])

    Network.forward = forward  # type: ignore[method-assign]


@mutant("Adam's bias correction removed (NumPy)", "*/numpy_gru")
def _no_correction() -> None:
    def step(self: Adam, gradients: Any, learning_rate: float) -> None:
        g, m, v, (beta1, beta2) = gradients.flat, self.m.flat, self.v.flat, self.betas
        self.steps_done += 1
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        self.parameters.flat -= learning_rate * m / (np.sqrt(v) + self.eps)

    Adam.step = step  # type: ignore[method-assign]


@mutant("Adam's ε 1e-3 instead of 1e-8", "sine/gru,regression/gru,sine/rnn,regression/rnn")
def _large_epsilon() -> None:
    torch_adam.EPSILON = 1e-3


@mutant("Adam's β₂ 0.9 instead of 0.999", "sine/gru,regression/gru")
def _small_beta() -> None:
    torch_adam.BETAS = (0.9, 0.9)


@mutant("weight decay 1e-3 left on", "sine/gru,regression/gru,sine/lstm,regression/lstm")
def _decay() -> None:
    def decay(self: FusedAdam, *args: Any, **kwargs: Any) -> None:
        self.weight_decay = 1e-3

    after(FusedAdam, "__init__", decay)


@mutant("targets shifted by one", "sine/gru,regression/gru")
def _shifted() -> None:
    original = training.load_data

    @functools.lru_cache(maxsize=16)
    def load_data(task: Any, seed: int, replicate: int) -> Any:
        data = original(task, seed, replicate)
        axis = 1 if task.per_step else 0
        train = dataclasses.replace(data.train, targets=np.roll(data.train.targets, 1, axis=axis))
        return dataclasses.replace(data, train=train)

    training.load_data = load_data  # type: ignore[assignment]


@mutant("initial weights half as large", "sine/gru,regression/gru,sine/lstm,regression/lstm")
def _small_weights() -> None:
    def smaller(*args: Any, **kwargs: Any) -> Any:
        return {name: 0.5 * values for name, values in draw_weights(*args, **kwargs).items()}

    network.draw_weights = smaller  # type: ignore[attr-defined]


@mutant("LSTM's forget gate gets no bias gradient", "sine/lstm,regression/lstm")
def _no_forget_bias() -> None:
    def forget(self: FusedAdam) -> None:
        for parameter in self.parameters:
            if parameter.ndim == 1 and parameter.grad is not None and len(parameter) % 4 == 0 and len(parameter) > 64:
                size = len(parameter) // 4
                parameter.grad[size : 2 * size] = 0

    before(FusedAdam, "step", forget)


@mutant("weights rounded to float16 after each step", "sine/gru,regression/gru")
def _rounded() -> None:
    def rounded(self: FusedAdam) -> None:
        with torch.no_grad():
            for parameter in self.parameters:
                parameter.copy_(parameter.half().float())

    after(FusedAdam, "step", rounded)


@mutant("every tenth step skipped", "sine/gru,regression/gru")
def _skipped() -> None:
    original = FusedAdam.step
    counter = itertools.count(1)

    def step(self: FusedAdam) -> None:
        if next(counter) % 10:
            original(self)

    FusedAdam.step = step  # type: ignore[method-assign]


@mutant("gradient halved (Adam does not mind)", "sine/gru,regression/gru")
def _half_gradient() -> None:
    original = torch_learner.mean_loss

    def half(*args: Any) -> Any:
        loss = original(*args)
        return loss / 2 + loss.detach() / 2  # the value is right, its gradient half

    torch_learner.mean_loss = half
