"""Losses with their gradients, feature-major: the losses of `tasks.losses`, differentiated by hand.

All take outputs `(O, B)`, or `(T, O, B)` for a prediction at every step, and return the mean over the values that
count, as a float, and its gradient with the outputs' shape and dtype. `mask` `(T, B)` bool says which steps count. If
no step counts, there is no mean; loss and gradient are then 0, so that such a batch changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tasks.contract import Array, Loss


def mse(outputs: Array, targets: Array, mask: Array | None = None) -> tuple[float, Array]:
    """Mean of (y − t)², over the outputs too; gradient 2 (y − t) / n. targets: the outputs' shape."""
    difference = outputs - targets
    count = _blank(difference, mask)
    loss = float(np.vdot(difference, difference)) / count
    return loss, np.multiply(difference, 2 / count, out=difference)


def cross_entropy(outputs: Array, targets: Array, mask: Array | None = None) -> tuple[float, Array]:
    """Mean of −log softmax(y)[t], in nats; gradient (softmax(y) − onehot(t)) / n. targets: classes `(B,)` or `(T, B)`.

    Logits are shifted by their maximum, so that no exponential overflows.
    """
    index = np.expand_dims(targets, -2)
    shifted = outputs - outputs.max(axis=-2, keepdims=True)
    chosen = np.take_along_axis(shifted, index, axis=-2)
    gradient = np.exp(shifted)
    total = gradient.sum(axis=-2, keepdims=True)
    each = np.log(total) - chosen  # (…, 1, B)
    gradient /= total
    np.put_along_axis(gradient, index, np.take_along_axis(gradient, index, axis=-2) - 1, axis=-2)
    count = _blank(each, mask)
    _blank(gradient, mask)
    gradient *= 1 / count
    return float(each.sum()) / count, gradient


def binary_cross_entropy(outputs: Array, targets: Array, mask: Array | None = None) -> tuple[float, Array]:
    """Mean of log(1 + e^y) − t y, over the outputs too; gradient (σ(y) − t) / n. targets: 0 … 1, the outputs' shape.

    σ(y) = (1 + tanh(y/2))/2 and log(1 + e^y) = max(y, 0) + log(1 + e^−|y|) do not overflow.
    """
    each = np.maximum(outputs, 0) - outputs * targets + np.log1p(np.exp(-np.abs(outputs)))
    gradient = np.tanh(outputs * 0.5) * 0.5 + (0.5 - targets)
    count = _blank(each, mask)
    _blank(gradient, mask)
    gradient *= 1 / count
    return float(each.sum()) / count, gradient


LOSS_FUNCTIONS: dict[Loss, Callable[[Array, Array, Array | None], tuple[float, Array]]] = {
    "mse": mse,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
}


def _blank(values: Array, mask: Array | None) -> int:
    """Set values that do not count to zero, in place (NaN too). Returns the number that count, at least 1."""
    if mask is None:
        return values.size
    np.copyto(values, 0, where=~mask[:, None])
    counted = int(np.count_nonzero(mask)) * int(values.shape[-2])
    return max(1, counted)
