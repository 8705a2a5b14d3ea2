"""Clipping of gradients: the operations of `torch.nn.utils.clip_grad_norm_`, without its sorting by device and type.

A network's gradients are all of one kind here; finding that out took a third of its time, 30 µs of a step of 500 to
3,700 µs.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


@torch.no_grad()
def clip_gradient_norm(parameters: Iterable[Tensor], max_norm: float) -> None:
    """Scale the gradients in `.grad` so that their common norm is at most `max_norm` (Pascanu et al. 2013)."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    scale = torch.clamp(max_norm / (norm + 1e-6), max=1.0)  # always applied: to ask whether it is 1 would wait for it
    torch._foreach_mul_(gradients, scale)
