"""The three losses of N trainings at once: for each the mean that `mean_loss` of a single one is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from bench.models.torch_learner.data import IGNORED
from tasks.contract import Loss


class StackedBatch(NamedTuple):
    """A batch of each of N trainings; B sequences, the time first.

    inputs: `(T, B, N, I)`, or `(T, B, N)` int64 tokens. targets: `([T,] B, N, O)`, or `([T,] B, N)` int64 classes;
    where the mask is off they hold 0, or `IGNORED`. mask: `(T, B, N)`, 1 where a step counts. lengths: `(B, N)` int64.
    counts: `(B, N)`, 1 for a sequence of the batch, 0 for one that fills up a batch at the end of an epoch.
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor | None
    lengths: Tensor | None
    counts: Tensor


def losses_of_each(loss: Loss, outputs: Tensor, batch: StackedBatch) -> Tensor:
    """The mean loss of each training `(N,)` over its sequences, counted steps and (except cross_entropy) outputs.

    outputs: `([T,] B, N, O)`.
    """
    if loss == "cross_entropy":
        logits, classes = outputs.flatten(0, -2), batch.targets.flatten()
        elements = functional.cross_entropy(logits, classes, ignore_index=IGNORED, reduction="none")
        elements = elements.view(batch.targets.shape)
        values = 1
    else:
        if loss == "mse":
            elements = (outputs - batch.targets).square().sum(-1)
        else:
            elements = functional.binary_cross_entropy_with_logits(outputs, batch.targets, reduction="none").sum(-1)
        values = outputs.shape[-1]
    weights = batch.counts if batch.mask is None else batch.counts * batch.mask
    weights = weights.expand_as(elements)
    dims = tuple(range(elements.ndim - 1))
    return (elements * weights).sum(dims) / (weights.sum(dims).clamp(min=1) * values)


def gradient_of_each(loss: Loss, outputs: Tensor, batch: StackedBatch) -> tuple[Tensor, Tensor]:
    """The losses `(N,)`, and of each training's loss the gradient to its own outputs, in one tensor of their shape."""
    with torch.enable_grad():
        outputs = outputs.detach().requires_grad_()
        losses = losses_of_each(loss, outputs, batch)
        (gradient,) = torch.autograd.grad(losses, outputs, torch.ones_like(losses))
    return losses.detach(), gradient
