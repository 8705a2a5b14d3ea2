"""Clipping and Adam for N trainings whose weights are the rows of a matrix."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bench.models.torch_learner.adam import BETAS, EPSILON
from tasks.contract import Array


def clip_rows(gradients: Tensor, max_norm: float) -> Tensor:
    """Each training's gradients `(N, P)` scaled so that their norm is at most `max_norm`, as by `clip_gradient_norm`.

    They are left as they are: what lies between two weights there is 0, which times a norm that is not finite is NaN.
    """
    norms = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
    return gradients * torch.clamp(max_norm / (norms + 1e-6), max=1.0)


class StackedAdam:
    """Adam (Kingma & Ba 2015) with PyTorch's defaults, for each row with its own learning rate and number of steps.

    weights, first, second: `(N, P)`, the weights and the moments of their gradients. weight_decay is L2 added to the
    gradient. The arithmetic is that of torch's fused kernel, which has one rate and one number of steps for all.
    """

    def __init__(self, weights: Tensor, first: Tensor, second: Tensor, weight_decay: float) -> None:
        self.weights, self.first, self.second, self.weight_decay = weights, first, second, weight_decay

    @torch.no_grad()
    def step(self, gradients: Tensor, factors: Tensor) -> None:
        """One update of every row. gradients: `(N, P)`. factors: `(2, N)`, as `factors` gives them."""
        if self.weight_decay:
            gradients = gradients.add(self.weights, alpha=self.weight_decay)
        sizes, scales = factors.unsqueeze(2)
        self.first.lerp_(gradients, 1 - BETAS[0])
        self.second.mul_(BETAS[1]).addcmul_(gradients, gradients, value=1 - BETAS[1])
        divisors = torch.sqrt(self.second).mul_(scales).add_(EPSILON)
        self.weights.addcdiv_(self.first * sizes, divisors, value=-1)


def factors(rates: Array, steps: Array, count: int) -> Array:
    """What corrects Adam's moments in the next `count` steps, `(count, 2, N)`: rate / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ).

    rates: `(N,)`. steps: `(N,)`, made so far.
    """
    t = steps + np.arange(1, count + 1)[:, None]
    return np.stack([rates / (1 - BETAS[0] ** t), 1 / np.sqrt(1 - BETAS[1] ** t)], axis=1)
