"""Adam and gradient clipping in NumPy, equal to `torch.optim.Adam` and `clip_grad_norm_` at every step."""

from __future__ import annotations

import math

import numpy as np

from bench.models.numpy_learner.parameters import Parameters


class Adam:
    """Adam (Kingma & Ba, arXiv:1412.6980, algorithm 1) on all parameters as one vector:

    g ← g + weight_decay·θ          (L2, as in torch.optim.Adam; not AdamW's decoupled decay)
    m ← β1 m + (1 − β1) g           v ← β2 v + (1 − β2) g²
    θ ← θ − α m̂ / (√v̂ + ε)          with m̂ = m / (1 − β1ᵗ), v̂ = v / (1 − β2ᵗ)
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.parameters, self.weight_decay, self.betas, self.eps = parameters, weight_decay, betas, eps
        self.steps_done = 0
        self.m, self.v = parameters.like(), parameters.like()
        self._scratch, self._denominator = parameters.like().flat, parameters.like().flat

    def step(self, gradients: Parameters, learning_rate: float) -> None:
        """Make one step. `gradients` has the parameters' names and shapes; weight decay changes it in place."""
        theta, g, m, v, (beta1, beta2) = self.parameters.flat, gradients.flat, self.m.flat, self.v.flat, self.betas
        scratch, denominator = self._scratch, self._denominator
        self.steps_done += 1
        if self.weight_decay:
            np.multiply(theta, self.weight_decay, out=scratch)
            g += scratch
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


def clip_gradient_norm(gradients: Parameters, max_norm: float) -> float:
    """Scale all gradients so that their common norm is at most `max_norm`. Returns the norm before scaling.

    A norm of NaN makes every gradient NaN, and an infinite one makes them NaN or zero, as in torch.
    """
    norm = math.sqrt(float(np.dot(gradients.flat, gradients.flat)))
    scale = max_norm / (norm + 1e-6)
    if not scale >= 1:  # NaN too
        gradients.flat *= scale
    return norm
