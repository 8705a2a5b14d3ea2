"""Adam by torch's own fused kernel, which `torch.optim.Adam(…, fused=True)` calls.

That would do the same arithmetic, but constructing any `torch.optim.Optimizer` imports `torch._dynamo` and sympy (1.5 s
in every worker), and its `step` walks parameter groups, hooks and devices: half of its time at these sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class FusedAdam:
    """Kingma & Ba 2015 with PyTorch's defaults; weight_decay is L2 added to the gradient, as in `torch.optim.Adam`."""

    def __init__(self, parameters: Sequence[Tensor], learning_rate: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        # on a GPU the kernel reads it there, so that a step captured once follows a schedule; it reads a float32, which
        # would round the rate of a float64 training by 1e-8
        device_rate = bool(self.parameters) and self.parameters[0].is_cuda and self.parameters[0].dtype != torch.float64
        self._rate = torch.zeros((), device=self.parameters[0].device) if device_rate else None
        self.learning_rate = learning_rate
        self.first = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.parameters]
        self.second = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.parameters]
        self.steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters]

    @property
    def learning_rate(self) -> float:
        """May be set between steps."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = value
        if self._rate is not None:
            self._rate.fill_(value)

    @property
    def rate_is_on_device(self) -> bool:
        """Whether a captured step follows changes of the learning rate."""
        return self._rate is not None

    @torch.no_grad()
    def step(self) -> None:
        """One update from the gradients in `.grad`; a parameter without one is left alone."""
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        columns = (self.parameters, self.first, self.second, self.steps)
        if len(gradients) < len(self.parameters):
            used = [parameter.grad is not None for parameter in self.parameters]
            parameters, first, second, steps = (list(compress(column, used)) for column in columns)
        else:
            parameters, first, second, steps = columns
        if not parameters:
            return
        torch._foreach_add_(steps, 1)
        torch._fused_adam_(
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
