"""Stochastic gradient descent and RMSprop with PyTorch's defaults, by torch's operations on lists of tensors.

The learning rate is a number on the host: a step of theirs is not captured in a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.models.torch_learner.optimizer import Optimizer


class _Descent(Optimizer):
    """weight_decay is L2 added to the gradient."""

    learning_rate: float = 0.0

    def __init__(
        self, parameters: Sequence[Tensor], moments: dict[str, list[Tensor]], learning_rate: float, weight_decay: float
    ) -> None:
        super().__init__(parameters, moments, [])
        self.learning_rate, self.weight_decay = learning_rate, weight_decay

    def _decayed(self, gradients: list[Tensor], parameters: list[Tensor]) -> list[Tensor]:
        if not self.weight_decay:
            return gradients
        return list(torch._foreach_add(gradients, parameters, alpha=self.weight_decay))


class Sgd(_Descent):
    """θ ← θ − α g, without momentum, as `torch.optim.SGD`."""

    def __init__(self, parameters: Sequence[Tensor], learning_rate: float, weight_decay: float) -> None:
        super().__init__(parameters, {}, learning_rate, weight_decay)

    @torch.no_grad()
    def step(self) -> None:
        parameters, gradients = self.with_gradients()
        if parameters:
            torch._foreach_add_(parameters, self._decayed(gradients, parameters), alpha=-self.learning_rate)


class RmsProp(_Descent):
    """v ← β v + (1 − β) g², θ ← θ − α g / (√v + ε) (Tieleman & Hinton 2012), as `torch.optim.RMSprop`."""

    beta, epsilon = 0.99, 1e-8

    def __init__(self, parameters: Sequence[Tensor], learning_rate: float, weight_decay: float) -> None:
        self._squares = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        super().__init__(parameters, {"rmsprop.v": self._squares}, learning_rate, weight_decay)

    @torch.no_grad()
    def step(self) -> None:
        parameters, gradients, squares = self.with_gradients(self._squares)
        if not parameters:
            return
        gradients = self._decayed(gradients, parameters)
        torch._foreach_mul_(squares, self.beta)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - self.beta)
        divisors = torch._foreach_sqrt(squares)
        torch._foreach_add_(divisors, self.epsilon)
        torch._foreach_addcdiv_(parameters, gradients, divisors, value=-self.learning_rate)
