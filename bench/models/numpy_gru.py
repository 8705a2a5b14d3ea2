"""The GRU in NumPy: the forward pass, and backpropagation through time derived from it line by line.

There are two published GRUs, and they are different functions: on the same weights (8 units, as PyTorch draws them) and
inputs of unit variance their outputs differ by up to 0.3. `reset_after` selects one of them.

reset_after=True: Cho et al., arXiv:1406.1078v1; also cuDNN's, PyTorch's, and ONNX with linear_before_reset=1.
The reset gate acts after the recurrent product, so all products of a step are one, before any gate is known:

    r   = σ(W_r x + b_r + U_r h)           reset gate
    z   = σ(W_z x + b_z + U_z h)           update gate
    m   = U_n h + b_hn                     the state's part of the candidate
    n   = tanh(W_n x + b_in + r ⊙ m)       candidate
    h'  = (1 − z) ⊙ n + z ⊙ h  =  n + z ⊙ (h − n)

reset_after=False: Cho et al., arXiv:1406.1078v3; also Chung et al. 2014, and ONNX's default. The reset gate
acts on the state before the product (`numpy_gru_reset_before`): n = tanh(W_n x + b_n + U_n (r ⊙ h)).

Convention of z: PyTorch's. z keeps the old state; many papers, Chung et al. among them, write h' = (1 − z) ⊙ h + z ⊙ n,
where z takes the new one. Since 1 − σ(a) = σ(−a), weights of one convention become the other's by changing the sign
of the rows of z in both matrices and both biases.

Backward. Given dh', the gradient of h', every line above is differentiated, the last one first:

    h' = n + z ⊙ (h − n)        dz   = dh' ⊙ (h − n)
                                dn   = dh' ⊙ (1 − z)
                                dh   = dh' ⊙ z                           the direct path through z
    n = tanh(a_n)               da_n = dn ⊙ (1 − n²)
    a_n = W_n x + b_in + r ⊙ m  dr   = da_n ⊙ m
                                dm   = da_n ⊙ r
    r = σ(a_r), z = σ(a_z)      da_r = dr ⊙ r (1 − r)
                                da_z = dz ⊙ z (1 − z)
    products with h             dh  += U_nᵀ dm + U_rᵀ da_r + U_zᵀ da_z   over time
    products with x             dx   = W_rᵀ da_r + W_zᵀ da_z + W_nᵀ da_n
    weights, summed over t      dU   = [dm; da_r; da_z] [h; 1]ᵀ,  dW = [da_r; da_z; da_n] [1; x]ᵀ

dm, da_r, da_z and da_n all have dh' as a factor; the other factors are known from the forward pass. If
J = [J_m; J_r; J_z; J_n] are these factors, a step backward is J ⊙ dh', one product with U, and the path through z.
The order m, r, z, n of the rows is chosen for this: the first three depend on the state, the last three on the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bench.models.numpy_gru_reset_before import ResetBeforeGRULayer
from bench.models.numpy_learner.layer import Layer, Weights, Workspace, accumulate
from bench.models.numpy_model import NumpyModel
from tasks.contract import Array


class GRUWorkspace(Workspace):
    """The buffers of all cells, and: A `(T, 3H, B)` holds m, r and z, N `(T, H, B)` holds n."""

    def __init__(self, layer: GRULayer, steps: int, batch: int, training: bool) -> None:
        super().__init__(layer, 4, steps, batch, training)
        H = layer.hidden_size
        self.A, self.N = self.kept(3 * H), np.empty((steps, H, batch), self.dtype)
        self.a, self.n = self.per_step(self.A), list(self.N)
        self.m, self.r, self.z = ([a[i * H : (i + 1) * H] for a in self.a] for i in range(3))
        self.rz = [a[H:] for a in self.a]


class GRULayer(Layer[GRUWorkspace]):
    """One direction of a layer of the GRU with `reset_after=True` (this module's docstring has the equations)."""

    gates = 3

    def __init__(self, weights: Weights, gradients: Weights) -> None:
        super().__init__(weights, gradients)
        H, columns, dtype = self.hidden_size, self.columns, self.dtype
        self._W = np.zeros((3 * H, columns), dtype)  # rows m, r/2, z/2; columns [h | 1 | x]; m does not depend on x
        self._W_n = np.empty((H, columns - H), dtype)
        self._U = np.empty((3 * H, H), dtype)  # rows m, r, z
        self._dU, self._dU_chunk = np.empty((2, 3 * H, H + 1), dtype)
        self._dW, self._dW_chunk = np.empty((2, 3 * H, columns - H), dtype)

    def pack(self) -> None:
        H, W, (w_ih, w_hh, b_ih, b_hh) = self.hidden_size, self._W, self.weights
        self._U[:H], self._U[H:] = w_hh[2 * H :], w_hh[: 2 * H]
        W[:H, :H], W[:H, H] = w_hh[2 * H :], b_hh[2 * H :]
        # σ(a) = (1 + tanh(a/2))/2: tanh does not overflow and is NumPy's fastest; the weights contain the halving of a
        np.multiply(w_hh[: 2 * H], self.half, out=W[H:, :H])
        np.multiply(b_ih[: 2 * H] + b_hh[: 2 * H], self.half, out=W[H:, H])
        np.multiply(w_ih[: 2 * H], self.half, out=W[H:, H + 1 :])
        self._W_n[:, 0], self._W_n[:, 1:] = b_ih[2 * H :], w_ih[2 * H :]

    def _make_workspace(self, steps: int, batch: int, training: bool) -> GRUWorkspace:
        return GRUWorkspace(self, steps, batch, training)

    def _scan(self, space: GRUWorkspace, initial: Array | None) -> None:
        W, one, half, tmp = self._W, self.one, self.half, space.tmp
        np.matmul(self._W_n, space.one_x, out=space.N)  # W_n x + b_in, for all steps
        for t in range(space.steps):
            h, m, r, z, rz, n = space.h[t], space.m[t], space.r[t], space.z[t], space.rz[t], space.n[t]
            np.matmul(W, space.columns[t], out=space.a[t])  # m, a_r/2, a_z/2
            np.tanh(rz, out=rz)
            np.add(rz, one, out=rz)
            np.multiply(rz, half, out=rz)  # r and z
            np.multiply(r, m, out=tmp)
            np.add(n, tmp, out=n)
            np.tanh(n, out=n)
            np.subtract(h, n, out=tmp)
            np.multiply(tmp, z, out=tmp)
            np.add(n, tmp, out=space.h[t + 1])  # n + z (h - n)
            if (ended := space.ended[t]) is not None:
                np.copyto(space.h[t + 1], h, where=ended)
                np.copyto(z, 1, where=ended)  # the backward pass then only passes dh on

    def _differentiate(self, space: GRUWorkspace, start: int, stop: int) -> None:
        H = self.hidden_size
        A, n, h = space.A[start:stop], space.N[start:stop], space.S[start:stop, :H]
        m, r, z = A[:, :H], A[:, H : 2 * H], A[:, 2 * H :]
        J_m, J_r, J_z, J_n = (space.J[: stop - start, i] for i in range(4))
        np.subtract(self.one, z, out=J_n)  # 1 - z
        np.subtract(h, n, out=J_z)
        np.multiply(J_z, z, out=J_z)
        np.multiply(J_z, J_n, out=J_z)  # (h - n) z (1 - z)
        np.multiply(n, n, out=J_m)
        np.subtract(self.one, J_m, out=J_m)
        np.multiply(J_n, J_m, out=J_n)  # (1 - z)(1 - n²)
        np.multiply(J_n, r, out=J_m)  # J_n r
        np.subtract(self.one, r, out=J_r)
        np.multiply(J_r, m, out=J_r)
        np.multiply(J_r, J_m, out=J_r)  # J_n m r (1 - r)

    def _recur(self, space: GRUWorkspace, start: int, stop: int, d_steps: list[Array] | None) -> None:
        H, U_T, dh, tmp = self.hidden_size, self._U.T, space.dh, space.tmp
        for t in range(stop - 1, start - 1, -1):
            if d_steps is not None:
                np.add(dh, d_steps[t], out=dh)  # from the layer above, in addition to step t + 1
            np.multiply(space.j[t - start], dh, out=space.d[t - start])  # dm, da_r, da_z, da_n
            np.multiply(space.z[t], dh, out=tmp)
            np.matmul(U_T, space.d_rows[t - start][: 3 * H], out=dh)
            np.add(dh, tmp, out=dh)

    def _add_products(self, space: GRUWorkspace, D: Array, X: Array, *, first: bool) -> None:
        H = self.hidden_size
        accumulate(D[: 3 * H], X[: H + 1].T, self._dU, self._dU_chunk, first=first)
        accumulate(D[H:], X[H:].T, self._dW, self._dW_chunk, first=first)

    def _input_rows(self, D: Array) -> Array:
        return D[self.hidden_size :]

    def _unpack(self) -> None:
        H, (w_ih, w_hh, b_ih, b_hh) = self.hidden_size, self.gradients
        w_hh[: 2 * H], w_hh[2 * H :] = self._dU[H:, :H], self._dU[:H, :H]  # from m, r, z to r, z, n
        b_hh[: 2 * H], b_hh[2 * H :] = self._dU[H:, H], self._dU[:H, H]
        b_ih[...], w_ih[...] = self._dW[:, 0], self._dW[:, 1:]


@dataclass(frozen=True)
class NumpyGRU(NumpyModel):
    """The registry entry. reset_after: selects one of the two published GRUs (see the module's docstring)."""

    name: ClassVar[str] = "numpy_gru"
    summary: ClassVar[str] = "GRU in NumPy: own backward pass and own Adam, no torch"
    cites: ClassVar[tuple[str, ...]] = ("cho2014",)
    cell: ClassVar[str] = "gru"

    reset_after: bool = True

    def layer(self) -> type[Layer[Any]]:
        return GRULayer if self.reset_after else ResetBeforeGRULayer
