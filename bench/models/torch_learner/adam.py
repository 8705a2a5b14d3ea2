"""Adam and AdamW by torch's own fused kernels, which `torch.optim.Adam(…, fused=True)` calls."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.models.torch_learner.optimizer import Optimizer

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class FusedAdam(Optimizer):
    """Kingma & Ba 2015 with PyTorch's defaults.

    weight_decay is L2 added to the gradient, as in `torch.optim.Adam`; decoupled: it is taken off the weights, times
    the learning rate, as in `torch.optim.AdamW` (Loshchilov & Hutter 2019).
    """

    def __init__(
        self, parameters: Sequence[Tensor], learning_rate: float, weight_decay: float, *, decoupled: bool = False
    ) -> None:
        self.first = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.second = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in parameters]
        super().__init__(parameters, {"adam.m": self.first, "adam.v": self.second}, self.steps)
        self.weight_decay = weight_decay
        self._update = torch._fused_adamw_ if decoupled else torch._fused_adam_
        # on a GPU the kernel reads it there, so that a step captured once follows a schedule; it reads a float32, which
        # would round the rate of a float64 training by 1e-8
        device_rate = bool(self.parameters) and self.parameters[0].is_cuda and self.parameters[0].dtype != torch.float64
        self._rate = torch.zeros((), device=self.parameters[0].device) if device_rate else None
        self.learning_rate = learning_rate

    @property
    def learning_rate(self) -> float:
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = value
        if self._rate is not None:
            self._rate.fill_(value)

    @property
    def rate_is_on_device(self) -> bool:
        return self._rate is not None

    @torch.no_grad()
    def step(self) -> None:
        parameters, gradients, first, second, steps = self.with_gradients(self.first, self.second, self.steps)
        if not parameters:
            return
        torch._foreach_add_(steps, 1)
        self._update(
            parameters,
            gradients,
            first,
            second,
            [],
            steps,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=self._learning_rate if self._rate is None else self._rate,
            weight_decay=self.weight_decay,
            eps=EPSILON,
            maximize=False,
        )
