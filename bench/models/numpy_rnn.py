"""The plain recurrent network in NumPy (Elman 1990), as in PyTorch.

    h' = φ(W x + b + U h),  φ = tanh or relu

PyTorch has two biases, which only act as their sum, so both get the same gradient. Backward, given dh':

    da = dh' ⊙ φ'(a)        φ' from the output alone: 1 − h'² for tanh, 1 where h' > 0 for relu
    dh = Uᵀ da,  dx = Wᵀ da,  [dU | db | dW] = da [h; 1; x]ᵀ

Over T steps, dh is multiplied by Uᵀ diag(φ') T times. If this product shrinks, gradients vanish; if it grows, they
explode (Bengio et al. 1994). The gates of `numpy_gru` and `numpy_lstm` add a path around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from bench.models.numpy_learner.layer import Layer, Weights, Workspace, accumulate
from bench.models.numpy_model import NumpyModel
from tasks.contract import Array


class RNNLayer(Layer[Workspace]):
    """One direction of a layer of the plain RNN with tanh; `RNNReluLayer` has relu."""

    gates = 1

    def __init__(self, weights: Weights, gradients: Weights) -> None:
        super().__init__(weights, gradients)
        H, columns, dtype = self.hidden_size, self.columns, self.dtype
        self._W = np.empty((H, columns), dtype)  # columns [h | 1 | x]
        self._dW, self._dW_chunk = np.empty((2, H, columns), dtype)

    def pack(self) -> None:
        H, W, (w_ih, w_hh, b_ih, b_hh) = self.hidden_size, self._W, self.weights
        W[:, :H], W[:, H + 1 :] = w_hh, w_ih
        np.add(b_ih, b_hh, out=W[:, H])

    def _make_workspace(self, steps: int, batch: int, training: bool) -> Workspace:
        return Workspace(self, 1, steps, batch, training)

    def _activate(self, a: Array) -> None:
        np.tanh(a, out=a)

    def _slope(self, h: Array, out: Array) -> None:
        np.multiply(h, h, out=out)
        np.subtract(self.one, out, out=out)

    def _scan(self, space: Workspace, initial: Array | None) -> None:
        for t in range(space.steps):
            h_next = space.h[t + 1]
            np.matmul(self._W, space.columns[t], out=h_next)
            self._activate(h_next)
            if (ended := space.ended[t]) is not None:
                np.copyto(h_next, space.h[t], where=ended)

    def _differentiate(self, space: Workspace, start: int, stop: int) -> None:
        self._slope(space.outputs[start:stop], space.J[: stop - start, 0])
        for t in range(start, stop):
            if (ended := space.ended[t]) is not None:
                np.copyto(space.j[t - start], 0, where=ended)

    def _recur(self, space: Workspace, start: int, stop: int, d_steps: list[Array] | None) -> None:
        U_T, dh, tmp = self.weights.w_hh.T, space.dh, space.tmp
        for t in range(stop - 1, start - 1, -1):
            rows, ended = space.d_rows[t - start], space.ended[t]
            if d_steps is not None:
                np.add(dh, d_steps[t], out=dh)
            np.multiply(space.j[t - start][0], dh, out=rows)
            if ended is None:
                np.matmul(U_T, rows, out=dh)
            else:  # a skipped step passes dh on
                np.multiply(dh, ended, out=tmp)
                np.matmul(U_T, rows, out=dh)
                np.add(dh, tmp, out=dh)

    def _add_products(self, space: Workspace, D: Array, X: Array, *, first: bool) -> None:
        accumulate(D, X.T, self._dW, self._dW_chunk, first=first)

    def _unpack(self) -> None:
        H, (w_ih, w_hh, b_ih, b_hh) = self.hidden_size, self.gradients
        w_hh[...], w_ih[...] = self._dW[:, :H], self._dW[:, H + 1 :]
        b_ih[...] = b_hh[...] = self._dW[:, H]


class RNNReluLayer(RNNLayer):
    """One direction of a layer of the plain RNN with relu."""

    def _activate(self, a: Array) -> None:
        np.maximum(a, 0, out=a)

    def _slope(self, h: Array, out: Array) -> None:
        np.greater(h, 0, out=out)


@dataclass(frozen=True)
class NumpyRNN(NumpyModel):
    """The registry entry. nonlinearity: φ in the module's docstring."""

    name: ClassVar[str] = "numpy_rnn"
    summary: ClassVar[str] = "plain RNN in NumPy, on the same layers, head and Adam as numpy_gru"
    cites: ClassVar[tuple[str, ...]] = ("elman1990",)
    cell: ClassVar[str] = "rnn"

    nonlinearity: Literal["tanh", "relu"] = "tanh"

    def layer(self) -> type[Layer[Any]]:
        return RNNLayer if self.nonlinearity == "tanh" else RNNReluLayer
