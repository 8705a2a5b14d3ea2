"""The GRU of Cho et al., arXiv:1406.1078v3, in NumPy: the reset gate acts on the state, before the recurrent product.

    r   = σ(W_r x + b_r + U_r h)
    z   = σ(W_z x + b_z + U_z h)
    q   = r ⊙ h                            the state after the reset gate
    n   = tanh(W_n x + b_n + U_n q)
    h'  = (1 − z) ⊙ n + z ⊙ h              z keeps the old state, as in PyTorch

Also Chung et al. 2014 and ONNX with linear_before_reset=0. `numpy_gru` has the other GRU, the one that PyTorch and
cuDNN compute, and the mapping to the other convention of z. A step needs two products here, the second after the first
one's gates are known; this is why libraries chose the other form. Weights are in PyTorch's layout with two biases,
which only act as their sum here, so both get the same gradient.

Backward, the lines in reverse order:

    dn   = dh' ⊙ (1 − z)          da_n = dn ⊙ (1 − n²)
    dz   = dh' ⊙ (h − n)          da_z = dz ⊙ z (1 − z)
    dq   = U_nᵀ da_n
    dr   = dq ⊙ h                 da_r = dr ⊙ r (1 − r)
    dh   = dh' ⊙ z + dq ⊙ r + U_rᵀ da_r + U_zᵀ da_z
    dU   = [da_r; da_z] hᵀ  and  da_n qᵀ,    dW = [da_r; da_z; da_n] [1; x]ᵀ
"""

from __future__ import annotations

import numpy as np

from bench.models.numpy_learner.layer import Layer, Weights, Workspace, accumulate
from tasks.contract import Array


class ResetBeforeWorkspace(Workspace):
    """The buffers of all cells, and: A `(T, 2H, B)` holds r and z, N `(T, H, B)` n; q of a step, Q of a chunk."""

    def __init__(self, layer: ResetBeforeGRULayer, steps: int, batch: int, training: bool) -> None:
        super().__init__(layer, 3, steps, batch, training)
        H = layer.hidden_size
        self.A, self.N = self.kept(2 * H), np.empty((steps, H, batch), self.dtype)
        self.rz, self.n = self.per_step(self.A), list(self.N)
        self.r, self.z = ([rz[i * H : (i + 1) * H] for rz in self.rz] for i in range(2))
        self.q = np.empty((H, batch), self.dtype)
        if training:
            self.Q = np.empty((H, self.D.shape[1]), self.dtype)
            self.q_by_step = self.Q.reshape(H, -1, batch)


class ResetBeforeGRULayer(Layer[ResetBeforeWorkspace]):
    """One direction of a layer of the GRU with `reset_after=False`."""

    gates = 3

    def __init__(self, weights: Weights, gradients: Weights) -> None:
        super().__init__(weights, gradients)
        H, columns, dtype = self.hidden_size, self.columns, self.dtype
        self._W = np.empty((2 * H, columns), dtype)  # rows r/2, z/2; columns [h | 1 | x]
        self._W_n = np.empty((H, columns - H), dtype)
        self._dU, self._dU_chunk = np.empty((2, 3 * H, H), dtype)
        self._dW, self._dW_chunk = np.empty((2, 3 * H, columns - H), dtype)

    def pack(self) -> None:
        H, W, (w_ih, w_hh, b_ih, b_hh) = self.hidden_size, self._W, self.weights
        bias = b_ih + b_hh
        np.multiply(w_hh[: 2 * H], self.half, out=W[:, :H])  # σ(a) = (1 + tanh(a/2))/2
        np.multiply(bias[: 2 * H], self.half, out=W[:, H])
        np.multiply(w_ih[: 2 * H], self.half, out=W[:, H + 1 :])
        self._W_n[:, 0], self._W_n[:, 1:] = bias[2 * H :], w_ih[2 * H :]

    def _make_workspace(self, steps: int, batch: int, training: bool) -> ResetBeforeWorkspace:
        return ResetBeforeWorkspace(self, steps, batch, training)

    def _scan(self, space: ResetBeforeWorkspace, initial: Array | None) -> None:
        W, U_n, one, half = self._W, self.weights.w_hh[2 * self.hidden_size :], self.one, self.half
        q, tmp = space.q, space.tmp
        np.matmul(self._W_n, space.one_x, out=space.N)  # W_n x + b_n, for all steps
        for t in range(space.steps):
            h, r, z, rz, n = space.h[t], space.r[t], space.z[t], space.rz[t], space.n[t]
            np.matmul(W, space.columns[t], out=rz)
            np.tanh(rz, out=rz)
            np.add(rz, one, out=rz)
            np.multiply(rz, half, out=rz)
            np.multiply(r, h, out=q)
            np.matmul(U_n, q, out=tmp)
            np.add(n, tmp, out=n)
            np.tanh(n, out=n)
            np.subtract(h, n, out=tmp)
            np.multiply(tmp, z, out=tmp)
            np.add(n, tmp, out=space.h[t + 1])
            if (ended := space.ended[t]) is not None:
                np.copyto(space.h[t + 1], h, where=ended)
                np.copyto(z, 1, where=ended)  # the backward pass then only passes dh on

    def _differentiate(self, space: ResetBeforeWorkspace, start: int, stop: int) -> None:
        H = self.hidden_size
        r, z, n = space.A[start:stop, :H], space.A[start:stop, H:], space.N[start:stop]
        h = space.S[start:stop, :H]
        J_r, J_z, J_n = (space.J[: stop - start, i] for i in range(3))
        np.subtract(self.one, z, out=J_n)
        np.subtract(h, n, out=J_z)
        np.multiply(J_z, z, out=J_z)
        np.multiply(J_z, J_n, out=J_z)  # (h - n) z (1 - z)
        np.multiply(n, n, out=J_r)
        np.subtract(self.one, J_r, out=J_r)
        np.multiply(J_n, J_r, out=J_n)  # (1 - z)(1 - n²)
        np.subtract(self.one, r, out=J_r)
        np.multiply(J_r, r, out=J_r)
        np.multiply(J_r, h, out=J_r)  # h r (1 - r): the factor of dq
        np.multiply(r.transpose(1, 0, 2), h.transpose(1, 0, 2), out=space.q_by_step[:, : stop - start])

    def _recur(self, space: ResetBeforeWorkspace, start: int, stop: int, d_steps: list[Array] | None) -> None:
        H, dh, tmp, dq = self.hidden_size, space.dh, space.tmp, space.q
        w_hh = self.weights.w_hh
        U_rz_T, U_n_T = w_hh[: 2 * H].T, w_hh[2 * H :].T
        for t in range(stop - 1, start - 1, -1):
            j, d, rows = space.j[t - start], space.d[t - start], space.d_rows[t - start]
            if d_steps is not None:
                np.add(dh, d_steps[t], out=dh)
            np.multiply(j[1:], dh, out=d[1:])  # da_z, da_n
            np.multiply(space.z[t], dh, out=tmp)
            np.matmul(U_n_T, rows[2 * H :], out=dq)
            np.multiply(j[0], dq, out=d[0])  # da_r
            np.matmul(U_rz_T, rows[: 2 * H], out=dh)
            np.add(dh, tmp, out=dh)
            np.multiply(space.r[t], dq, out=tmp)
            np.add(dh, tmp, out=dh)

    def _add_products(self, space: ResetBeforeWorkspace, D: Array, X: Array, *, first: bool) -> None:
        H, dU, chunk = self.hidden_size, self._dU, self._dU_chunk
        accumulate(D[: 2 * H], X[:H].T, dU[: 2 * H], chunk[: 2 * H], first=first)
        accumulate(D[2 * H :], space.Q[:, : D.shape[1]].T, dU[2 * H :], chunk[2 * H :], first=first)
        accumulate(D, X[H:].T, self._dW, self._dW_chunk, first=first)

    def _unpack(self) -> None:
        w_ih, w_hh, b_ih, b_hh = self.gradients
        w_hh[...] = self._dU
        b_ih[...] = b_hh[...] = self._dW[:, 0]
        w_ih[...] = self._dW[:, 1:]
