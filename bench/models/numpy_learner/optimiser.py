"""Optimisers and gradient clipping in NumPy, equal to those of `torch.optim` and `clip_grad_norm_` at every step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from bench.models.contract import OptimizerName
from bench.models.numpy_learner.parameters import Parameters
from tasks.contract import Array


class Optimiser(ABC):
    """Changes all parameters θ, as one vector, by their gradients g. α is the learning rate.

    decoupled: whether weight decay is taken off θ itself, θ ← θ − α·weight_decay·θ, as AdamW does (Loshchilov & Hutter,
    arXiv:1711.05101, algorithm 2). Otherwise it is L2, g ← g + weight_decay·θ, as in `torch.optim.Adam`.
    """

    decoupled = False

    def __init__(self, parameters: Parameters, *, weight_decay: float = 0.0) -> None:
        self.parameters, self.weight_decay = parameters, weight_decay
        self._scratch = parameters.like().flat

    def step(self, gradients: Parameters, learning_rate: float) -> None:
        """Make one step. `gradients` has the parameters' names and shapes; weight decay may change it in place."""
        theta = self.parameters.flat
        if self.weight_decay and self.decoupled:
            theta *= 1 - learning_rate * self.weight_decay
        elif self.weight_decay:
            np.multiply(theta, self.weight_decay, out=self._scratch)
            gradients.flat += self._scratch
        self._update(theta, gradients.flat, learning_rate)

    @abstractmethod
    def _update(self, theta: Array, g: Array, learning_rate: float) -> None:
        """Change θ in place."""

    def moments(self) -> dict[str, Parameters]:
        """What it keeps for each parameter, by the beginning of its names in `Learner.state`."""
        return {}

    def state(self) -> dict[str, Array]:
        """A copy of all that it keeps, as `Learner.state` has it."""
        return {
            f"{kind}.{name}": view.copy() for kind, moments in self.moments().items() for name, view in moments.items()
        }

    def load(self, state: Mapping[str, Array]) -> None:
        """The inverse of `state`, from a whole `Learner.state`."""
        for kind, moments in self.moments().items():
            moments.load({name: state[f"{kind}.{name}"] for name in moments})


class Adam(Optimiser):
    """Adam (Kingma & Ba, arXiv:1412.6980, algorithm 1):

    m ← β1 m + (1 − β1) g           v ← β2 v + (1 − β2) g²
    θ ← θ − α m̂ / (√v̂ + ε)          with m̂ = m / (1 − β1ᵗ), v̂ = v / (1 − β2ᵗ)
    """

    betas, eps = (0.9, 0.999), 1e-8

    def __init__(self, parameters: Parameters, *, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, weight_decay=weight_decay)
        self.steps_done = 0
        self.m, self.v = parameters.like(), parameters.like()
        self._denominator = parameters.like().flat

    def _update(self, theta: Array, g: Array, learning_rate: float) -> None:
        m, v, (beta1, beta2) = self.m.flat, self.v.flat, self.betas
        scratch, denominator = self._scratch, self._denominator
        self.steps_done += 1
        np.subtract(g, m, out=scratch)
        scratch *= 1 - beta1
        m += scratch
        np.multiply(g, g, out=scratch)
        scratch *= 1 - beta2
        v *= beta2
        v += scratch
        np.sqrt(v, out=denominator)
        denominator *= 1 / math.sqrt(1 - beta2**self.steps_done)
        denominator += self.eps
        np.divide(m, denominator, out=scratch)
        scratch *= learning_rate / (1 - beta1**self.steps_done)
        theta -= scratch

    def moments(self) -> dict[str, Parameters]:
        return {"adam.m": self.m, "adam.v": self.v}

    def state(self) -> dict[str, Array]:
        return {"adam.step": np.asarray(self.steps_done), **super().state()}

    def load(self, state: Mapping[str, Array]) -> None:
        super().load(state)
        self.steps_done = int(state["adam.step"])


class AdamW(Adam):
    """Adam with decoupled weight decay."""

    decoupled = True


class Sgd(Optimiser):
    """Stochastic gradient descent without momentum: θ ← θ − α g."""

    def _update(self, theta: Array, g: Array, learning_rate: float) -> None:
        np.multiply(g, learning_rate, out=self._scratch)
        theta -= self._scratch


class RmsProp(Optimiser):
    """RMSprop (Tieleman & Hinton 2012, "Lecture 6.5"): v ← β v + (1 − β) g²,  θ ← θ − α g / (√v + ε)."""

    beta, eps = 0.99, 1e-8

    def __init__(self, parameters: Parameters, *, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, weight_decay=weight_decay)
        self.v = parameters.like()

    def _update(self, theta: Array, g: Array, learning_rate: float) -> None:
        v, scratch = self.v.flat, self._scratch
        np.multiply(g, g, out=scratch)
        scratch *= 1 - self.beta
        v *= self.beta
        v += scratch
        np.sqrt(v, out=scratch)
        scratch += self.eps
        np.divide(g, scratch, out=scratch)
        scratch *= learning_rate
        theta -= scratch

    def moments(self) -> dict[str, Parameters]:
        return {"rmsprop.v": self.v}


OPTIMISERS: dict[OptimizerName, type[Optimiser]] = {"adam": Adam, "adamw": AdamW, "sgd": Sgd, "rmsprop": RmsProp}


def clip_gradient_norm(gradients: Parameters, max_norm: float) -> float:
    """Scale all gradients so that their common norm is at most `max_norm`. Returns the norm before scaling.

    A norm of NaN makes every gradient NaN, and an infinite one makes them NaN or zero, as in torch.
    """
    norm = math.sqrt(float(np.dot(gradients.flat, gradients.flat)))
    scale = max_norm / (norm + 1e-6)
    if not scale >= 1:  # NaN too
        gradients.flat *= scale
    return norm
