"""The LSTM in NumPy: Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000, as in PyTorch.

    i = σ(W_i x + b_i + U_i h)           input gate
    f = σ(W_f x + b_f + U_f h)           forget gate
    o = σ(W_o x + b_o + U_o h)           output gate
    g = tanh(W_g x + b_g + U_g h)        candidate
    c' = f ⊙ c + i ⊙ g                   cell state
    h' = o ⊙ tanh(c')                    hidden state

The state is the pair (h, c). PyTorch has two biases, which only act as their sum, so both get the same gradient.
No peepholes (Gers & Schmidhuber 2000), as in PyTorch and cuDNN.

Backward, given dh' and dc' (through c' alone), the lines in reverse order:

    h' = o ⊙ tanh(c')       do = dh' ⊙ tanh(c')              dc' += dh' ⊙ o (1 − tanh²(c'))
    c' = f ⊙ c + i ⊙ g      di = dc' ⊙ g    dg = dc' ⊙ i     df = dc' ⊙ c     dc = dc' ⊙ f
    gates                   da_i = di ⊙ i (1 − i)            da_g = dg ⊙ (1 − g²)
                            da_f = df ⊙ f (1 − f)            da_o = do ⊙ o (1 − o)
    products                [dU | db | dW] = da [h; 1; x]ᵀ,  dh = Uᵀ da,  dx = Wᵀ da

Four of the gradients are dc' times a factor known from the forward pass, two are dh' times such a factor; these factors
are the local derivatives. Rows are in the order i, f, g, o of PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bench.models.numpy_learner.layer import Layer, Weights, Workspace, accumulate
from bench.models.numpy_model import NumpyModel
from tasks.contract import Array


class LSTMWorkspace(Workspace):
    """The buffers of all cells, and: A `(T, 4H, B)` the gates, C `(T+1, H, B)` the cells, P `(T, H, B)` tanh of them.

    K `(n, H, B)`: o (1 − tanh²(c')), how dh' reaches c', for the steps of a chunk.
    """

    def __init__(self, layer: LSTMLayer, steps: int, batch: int, training: bool) -> None:
        super().__init__(layer, 4, steps, batch, training)
        H = layer.hidden_size
        self.A, self.P, self.C = self.kept(4 * H), self.kept(H), np.empty((steps + 1, H, batch), self.dtype)
        self.a, self.p, self.c = self.per_step(self.A), self.per_step(self.P), list(self.C)
        self.i, self.f, self.g, self.o = ([a[k * H : (k + 1) * H] for a in self.a] for k in range(4))
        self.dc = np.empty((H, batch), self.dtype)
        if training:
            self.K = np.empty((len(self.J), H, batch), self.dtype)
            self.k = list(self.K)


class LSTMLayer(Layer[LSTMWorkspace]):
    """One direction of a layer of the LSTM (this module's docstring has the equations)."""

    gates = 4
    states = 2

    def __init__(self, weights: Weights, gradients: Weights) -> None:
        super().__init__(weights, gradients)
        H, columns, dtype = self.hidden_size, self.columns, self.dtype
        self._W = np.empty((4 * H, columns), dtype)  # columns [h | 1 | x]
        self._dW, self._dW_chunk = np.empty((2, 4 * H, columns), dtype)
        # σ(a) = (1 + tanh(a/2))/2, so one tanh serves all four gates: rows of the three σ are halved before and after
        self._scale = np.full((4 * H, 1), 0.5, dtype)
        self._scale[2 * H : 3 * H] = 1
        self._shift = 1 - self._scale

    def pack(self) -> None:
        H, W, (w_ih, w_hh, b_ih, b_hh) = self.hidden_size, self._W, self.weights
        np.multiply(w_hh, self._scale, out=W[:, :H])
        np.multiply(b_ih + b_hh, self._scale[:, 0], out=W[:, H])
        np.multiply(w_ih, self._scale, out=W[:, H + 1 :])

    def _make_workspace(self, steps: int, batch: int, training: bool) -> LSTMWorkspace:
        return LSTMWorkspace(self, steps, batch, training)

    def _scan(self, space: LSTMWorkspace, initial: Array | None) -> None:
        W, scale, shift, tmp = self._W, self._scale, self._shift, space.tmp
        space.c[0][...] = 0 if initial is None else initial[1]
        for t in range(space.steps):
            a, p, c, c_next, h_next = space.a[t], space.p[t], space.c[t], space.c[t + 1], space.h[t + 1]
            np.matmul(W, space.columns[t], out=a)
            np.tanh(a, out=a)
            np.multiply(a, scale, out=a)
            np.add(a, shift, out=a)  # i, f, g, o
            ended = space.ended[t]
            if ended is not None:  # i = 0, f = 1, o = 0: the cell state stays, and no gradient enters
                np.copyto(space.i[t], 0, where=ended)
                np.copyto(space.f[t], 1, where=ended)
                np.copyto(space.o[t], 0, where=ended)
            np.multiply(space.f[t], c, out=c_next)
            np.multiply(space.i[t], space.g[t], out=tmp)
            np.add(c_next, tmp, out=c_next)
            np.tanh(c_next, out=p)
            np.multiply(space.o[t], p, out=h_next)
            if ended is not None:
                np.copyto(h_next, space.h[t], where=ended)

    def _differentiate(self, space: LSTMWorkspace, start: int, stop: int) -> None:
        H, one, steps = self.hidden_size, self.one, slice(start, stop)
        i, _f, g, o = (space.A[steps, k * H : (k + 1) * H] for k in range(4))
        J_i, J_f, J_g, J_o = (space.J[: stop - start, k] for k in range(4))
        p, K = space.P[steps], space.K[: stop - start]
        J, A = space.J[: stop - start], space.A[steps].reshape(stop - start, 4, H, -1)
        np.subtract(one, A, out=J)
        np.multiply(J, A, out=J)  # i (1 - i), f (1 - f), o (1 - o)
        np.multiply(J_i, g, out=J_i)
        np.multiply(J_f, space.C[steps], out=J_f)
        np.multiply(g, g, out=J_g)
        np.subtract(one, J_g, out=J_g)
        np.multiply(J_g, i, out=J_g)  # i (1 - g²)
        np.multiply(J_o, p, out=J_o)
        np.multiply(p, p, out=K)
        np.subtract(one, K, out=K)
        np.multiply(K, o, out=K)

    def _recur(self, space: LSTMWorkspace, start: int, stop: int, d_steps: list[Array] | None) -> None:
        U_T, dh, dc, tmp = self.weights.w_hh.T, space.dh, space.dc, space.tmp
        for t in range(stop - 1, start - 1, -1):
            j, d, ended = space.j[t - start], space.d[t - start], space.ended[t]
            if d_steps is not None:
                np.add(dh, d_steps[t], out=dh)
            np.multiply(space.k[t - start], dh, out=tmp)
            np.add(dc, tmp, out=dc)
            np.multiply(j[:3], dc, out=d[:3])  # da_i, da_f, da_g
            np.multiply(j[3], dh, out=d[3])  # da_o
            np.multiply(dc, space.f[t], out=dc)
            if ended is None:
                np.matmul(U_T, space.d_rows[t - start], out=dh)
            else:  # a skipped step passes dh on
                np.multiply(dh, ended, out=tmp)
                np.matmul(U_T, space.d_rows[t - start], out=dh)
                np.add(dh, tmp, out=dh)

    def _add_products(self, space: LSTMWorkspace, D: Array, X: Array, *, first: bool) -> None:
        accumulate(D, X.T, self._dW, self._dW_chunk, first=first)

    def _unpack(self) -> None:
        H, (w_ih, w_hh, b_ih, b_hh) = self.hidden_size, self.gradients
        w_hh[...], w_ih[...] = self._dW[:, :H], self._dW[:, H + 1 :]
        b_ih[...] = b_hh[...] = self._dW[:, H]

    def _begin(self, space: LSTMWorkspace, d_final: Array | None) -> None:
        super()._begin(space, d_final)
        space.dc[...] = 0 if d_final is None else d_final[1]

    def _final(self, space: LSTMWorkspace) -> Array:
        return np.stack([space.h[-1], space.c[-1]])

    def _d_initial(self, space: LSTMWorkspace) -> Array:
        return np.stack([space.dh, space.dc])


@dataclass(frozen=True)
class NumpyLSTM(NumpyModel):
    """The registry entry."""

    name: ClassVar[str] = "numpy_lstm"
    summary: ClassVar[str] = "LSTM in NumPy, on the same layers, head and Adam as numpy_gru"
    cites: ClassVar[tuple[str, ...]] = ("hochreiter1997", "gers2000")
    cell: ClassVar[str] = "lstm"
    states: ClassVar[int | None] = 2  # h and c

    def layer(self) -> type[Layer[Any]]:
        return LSTMLayer
