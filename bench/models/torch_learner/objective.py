"""The three losses on tensors: the same means as `tasks.losses.mean_loss`, without a host synchronisation."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from bench.models.torch_learner.data import IGNORED, Sequences
from tasks.contract import Loss


def mean_loss(loss: Loss, outputs: Tensor, batch: Sequences) -> Tensor:
    """Mean over sequences, counted steps and (except cross_entropy) outputs: a scalar on the device.

    outputs: `(N, O)` or `(N, T, O)`. A batch whose mask lets no step count has loss 0 and no gradient.
    """
    targets, mask = batch.targets, batch.mask
    if loss == "cross_entropy":
        logits, classes = outputs.flatten(0, -2), targets.flatten()
        if mask is None:
            return functional.cross_entropy(logits, classes)
        total = functional.cross_entropy(logits, classes, ignore_index=IGNORED, reduction="sum")
        return total / mask.sum().clamp(min=1)
    if mask is None:
        if loss == "mse":
            return functional.mse_loss(outputs, targets)
        return functional.binary_cross_entropy_with_logits(outputs, targets)
    if loss == "mse":
        elements = (outputs - targets).square()
    else:
        elements = functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return (elements * mask.unsqueeze(-1)).sum() / (mask.sum().clamp(min=1) * outputs.shape[-1])
