"""The linear head: y = W h + b, on the last state of a sequence or on every output."""

from __future__ import annotations

import numpy as np

from tasks.contract import Array


class Head:
    """The linear head. weight `(O, H)`, bias `(O,)` and their gradients are used in place.

    States are `(H, B)` or `(T, H, B)`.
    """

    def __init__(self, weight: Array, bias: Array, d_weight: Array, d_bias: Array) -> None:
        self.weight, self.bias, self.d_weight, self.d_bias = weight, bias, d_weight, d_bias

    def forward(self, states: Array) -> Array:
        """Return the outputs `(O, B)` or `(T, O, B)`."""
        outputs: Array = np.matmul(self.weight, states)
        outputs += self.bias[:, None]
        return outputs

    def backward(self, states: Array, d_outputs: Array) -> Array:
        """Return the gradient of the states; write those of the weights into `d_weight` and `d_bias`."""
        d_weight = np.matmul(d_outputs, states.swapaxes(-1, -2))
        self.d_weight[...] = d_weight if states.ndim == 2 else d_weight.sum(axis=0)
        self.d_bias[...] = d_outputs.sum(axis=-1 if states.ndim == 2 else (0, -1))
        d_states: Array = np.matmul(self.weight.T, d_outputs)
        return d_states
