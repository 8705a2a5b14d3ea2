"""The losses in float64 NumPy: one definition for floors and for the evaluation of every model."""

from __future__ import annotations

import numpy as np

from tasks.contract import Array, Loss, Split


def split_loss(loss: Loss, outputs: Array, split: Split) -> float:
    """Mean loss over all that counts of a split: see `mean_loss`."""
    return mean_loss(loss, outputs, split.targets, split.mask if split.measured is None else split.measured)


def mean_loss(loss: Loss, outputs: Array, targets: Array, mask: Array | None = None) -> float:
    """Mean loss over sequences (and, per step, over the steps that `mask` lets count), in nats or squared units.

    outputs: `(N, O)` or `(N, T, O)` predictions (mse) or logits; targets as in `Split`. Means run over every counted
    element: for mse and binary_cross_entropy also over the outputs. mask: of the elements, or of their first
    dimensions. An empty mask has no mean: ValueError.
    """
    values = elementwise_loss(loss, outputs, targets)
    if mask is not None:
        if not mask.any():
            raise ValueError("the mask lets no step count, so there is no mean loss")
        values = values[mask]
    return float(values.mean())


def elementwise_loss(loss: Loss, outputs: Array, targets: Array) -> Array:
    """The loss of each element before the mean: `(N[, T], O)`, or `(N[, T])` for cross_entropy; float64."""
    outputs = np.asarray(outputs, dtype=np.float64)
    if loss == "cross_entropy":
        if outputs.shape[:-1] != targets.shape:
            raise ValueError(
                f"logits have shape {outputs.shape}, so targets must be {outputs.shape[:-1]}: {targets.shape}"
            )
        if targets.size and (targets.min() < 0 or targets.max() >= outputs.shape[-1]):  # -1 would wrap around
            raise ValueError(f"classes {targets.min()} to {targets.max()} with {outputs.shape[-1]} logits")
        # class by class: a reduction over a few innermost elements takes six times as long
        logits = np.moveaxis(outputs, -1, 0).copy()
        logits -= logits.max(axis=0)  # then no exponential overflows
        chosen = np.take_along_axis(logits, targets[None], axis=0)[0]
        return np.asarray(np.log(np.exp(logits, out=logits).sum(axis=0)) - chosen)
    targets = np.asarray(targets, dtype=np.float64)
    if outputs.shape != targets.shape:
        raise ValueError(f"outputs have shape {outputs.shape}, targets {targets.shape}: they must be equal")
    if loss == "mse":
        return np.asarray((outputs - targets) ** 2)
    # log(1 + e^x) - x y, in the form that does not overflow
    return np.asarray(np.maximum(outputs, 0) - outputs * targets + np.log1p(np.exp(-np.abs(outputs))))
