"""Adam by torch's own fused kernel, through its functional form.

`torch.optim.Adam` would do the same arithmetic, but constructing any `torch.optim.Optimizer` imports `torch._dynamo`
and sympy (1.5 s in every worker), and its `step` walks parameter groups and hooks that a training here has no use for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class FusedAdam:
    """Kingma & Ba 2015 with PyTorch's defaults; weight_decay is L2 added to the gradient, as in `torch.optim.Adam`."""

    def __init__(self, parameters: Sequence[Tensor], learning_rate: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.first = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.parameters]
        self.second = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.parameters]
        self.steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters]

    @torch.no_grad()
    def step(self) -> None:
        """One update from the gradients in `.grad`; a parameter without one is left alone."""
        rows = [
            (parameter, parameter.grad, first, second, step)
            for parameter, first, second, step in zip(self.parameters, self.first, self.second, self.steps, strict=True)
            if parameter.grad is not None
        ]
        if not rows:
            return
        parameters, gradients, first, second, steps = (list(column) for column in zip(*rows, strict=True))
        adam(
            parameters,
            gradients,
            first,
            second,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            eps=EPSILON,
            maximize=False,
        )
