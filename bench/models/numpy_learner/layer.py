"""The base of every NumPy cell: one direction of one layer, its buffers, and the layout of a sequence in them.

Layout. Arrays are feature-major: `(T, features, B)` for T steps and B sequences, so that a gate is a contiguous block
of rows, and a step's gates are one matrix product, `W (rows, columns) @ s (columns, B)`.

One array S `(T+1, H+1+I, B)` contains everything that a step reads, in three blocks of rows:

    S[t] = [ h_{t-1} ]  H rows   the state before step t
           [    1    ]  1 row    a constant 1, whose weights are the biases
           [   x_t   ]  I rows   the input of step t

so U h + b + W x is one product [U | b | W] S[t], and the gradient of all three is one product with S transposed. The
step writes its h_t into S[t+1], from which the next step reads it.

Backward. A step multiplies the gradient dh_t that reaches its state by factors that depend on forward values only
(in the GRU, da_z = dh_t * (h_{t-1} - n) z (1 - z), for instance). These local derivatives are computed for a chunk
of steps at once, before the recursion, which then needs only a few operations for each step. A chunk has as many
steps as fit into the processor's cache, at most all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from tasks.contract import Array

CHUNK_BYTES = 1 << 20  # of local derivatives and products; found by experiment (docs/numpy_cells.md)
SHAPES_KEPT = 4  # workspaces: for a full batch and an epoch's last one, in training and in prediction


class Weights(NamedTuple):
    """One direction of one layer in PyTorch's layout, with G gates stacked: (G·H, I), (G·H, H), (G·H,), (G·H,)."""

    w_ih: Array
    w_hh: Array
    b_ih: Array
    b_hh: Array

    @classmethod
    def named(cls, arrays: Mapping[str, Array], suffix: str) -> Weights:
        """Select weights by torch's names. suffix: `_l0`, `_l0_reverse`, `_l1`, …"""
        return cls(*(arrays[part + suffix] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")))


class Workspace:
    """Buffers for one shape (T, B), allocated once and reused by every batch of that shape.

    Lists hold a view for each step, made once, because indexing an array takes as long as a small product.
    Without `training` a cell keeps no forward values: each step overwrites those of the previous one.

    blocks: how many (H, B) blocks of gradients a step has: D `(blocks·H, n·B)` holds them for a chunk of n steps, rows
    first, so that one product over all n·B columns gives the weights' gradient. J `(n, blocks, H, B)`: the local
    derivatives. X `(H+1+I, n·B)`: S in the column order of D.
    """

    def __init__(self, layer: Layer[Any], blocks: int, steps: int, batch: int, training: bool) -> None:
        H, columns, dtype = layer.hidden_size, layer.columns, layer.dtype
        self.steps, self.batch, self.training, self.dtype = steps, batch, training, dtype
        self.S: Array = np.empty((steps + 1, columns, batch), dtype)
        self.S[:, H] = 1
        self.S[steps, H + 1 :] = 0  # there is no x_T; no step reads it
        self.h = [self.S[t, :H] for t in range(steps + 1)]
        self.columns = list(self.S[:steps])
        self.x = self.S[:steps, H + 1 :]
        self.one_x = self.S[:steps, H:]
        self.outputs = self.S[1:, :H]
        self.ended: list[Array | None] = [None] * steps  # (1, B) bool: sequences whose padding has begun
        self.dh: Array = np.empty((H, batch), dtype)
        self.tmp: Array = np.empty((H, batch), dtype)
        if training:
            longest = max(1, min(steps, CHUNK_BYTES // ((2 * blocks * H + columns) * batch * dtype.itemsize)))
            self.chunks = [(max(0, stop - longest), stop) for stop in range(steps, 0, -longest)]
            self.J: Array = np.empty((longest, blocks, H, batch), dtype)
            self.D: Array = np.empty((blocks * H, longest * batch), dtype)
            self.X: Array = np.empty((columns, longest * batch), dtype)
            by_block, by_row = self.D.reshape(blocks, H, longest, batch), self.D.reshape(blocks * H, longest, batch)
            self.j = list(self.J)
            self.d = [by_block[:, :, n] for n in range(longest)]  # (blocks, H, B) each
            self.d_rows = [by_row[:, n] for n in range(longest)]  # (blocks·H, B) each: the same memory
            self.d_inputs: Array = np.empty((0,), dtype)  # made by the first backward pass that wants it

    def kept(self, rows: int) -> Array:
        """Allocate `(T, rows, B)` for values that the backward pass needs; without training `(1, rows, B)`."""
        return np.empty((self.steps if self.training else 1, rows, self.batch), self.dtype)

    def per_step(self, values: Array) -> list[Array]:
        """Return a view for each step of `values`, an array made by `kept`."""
        return [values[t if self.training else 0] for t in range(self.steps)]

    def gather(self, start: int, stop: int) -> tuple[Array, Array]:
        """Return D and X of the chunk, as matrices with a column for each step and sequence."""
        n = stop - start
        by_step = self.X.reshape(len(self.X), -1, self.batch)[:, :n]
        np.copyto(by_step, self.S[start:stop].transpose(1, 0, 2))
        return self.D[:, : n * self.batch], self.X[:, : n * self.batch]


Space = TypeVar("Space", bound=Workspace)


class Layer(ABC, Generic[Space]):
    """One direction of one layer: `forward` over a whole sequence, and `backward` through it.

    `weights` and `gradients` are in PyTorch's layout and are used in place; call `pack` after the weights changed.
    A layer always runs from the first step to the last: for a reverse direction, pass the sequence reversed.
    """

    gates: ClassVar[int]
    states: ClassVar[int] = 1  # arrays that a step passes on: h, and c in an LSTM

    def __init__(self, weights: Weights, gradients: Weights) -> None:
        self.weights, self.gradients = weights, gradients
        self.hidden_size = weights.w_hh.shape[1]
        self.input_size = weights.w_ih.shape[1]
        self.columns = self.hidden_size + 1 + self.input_size  # rows of S: h, 1, x
        self.dtype: np.dtype[np.floating] = weights.w_hh.dtype
        # 0-d arrays, because every operation on a small array would convert a Python number again
        self.one, self.half = np.asarray(1, self.dtype), np.asarray(0.5, self.dtype)
        self._spaces: dict[tuple[int, int, bool], Space] = {}

    def forward(
        self, inputs: Array, initial: Array | None, ended: Array | None, *, training: bool
    ) -> tuple[Array, Array]:
        """Return outputs h_1 … h_T `(T, H, B)`, a view that the next call overwrites; final states `(states, H, B)`.

        inputs: `(T, I, B)`, or integer tokens `(T, B)`, which are one-hot encoded. initial: `(states, H, B)`; None: 0.
        ended: `(T, B)` bool, True where a sequence has no step t; its state then stays as it is.
        """
        steps, batch = inputs.shape[0], inputs.shape[-1]
        space = self._space = self._workspace(steps, batch, training)
        if inputs.ndim == 2:
            np.equal(inputs[:, None], np.arange(self.input_size)[:, None], out=space.x)
        else:
            np.copyto(space.x, inputs)
        if ended is None:
            space.ended = [None] * steps
        else:
            np.copyto(space.x, 0, where=ended[:, None])  # values in the padding, NaN too, must have no effect
            space.ended = [row[None] if row.any() else None for row in ended]
        space.h[0][...] = 0 if initial is None else initial[0]
        self._scan(space, initial)
        return space.outputs, self._final(space)

    def backward(
        self, d_outputs: Array | None, d_final: Array | None, *, want_inputs: bool
    ) -> tuple[Array | None, Array]:
        """Return gradients of the inputs `(T, I, B)` (None unless wanted) and of the initial states `(states, H, B)`.

        d_outputs: gradient of the outputs `(T, H, B)`; d_final: of the final states `(states, H, B)`; None: zero.
        The weights' gradients are written into `gradients`.
        """
        space, batch = self._space, self._space.batch
        if not space.training:
            raise ValueError("backward needs a forward pass with training=True, which keeps the values that it uses")
        if want_inputs and not space.d_inputs.size:
            space.d_inputs = np.empty((self.input_size, space.steps * batch), self.dtype)
        d_steps = None if d_outputs is None else list(d_outputs)
        self._begin(space, d_final)
        for number, (start, stop) in enumerate(space.chunks):  # from the last chunk to the first
            self._differentiate(space, start, stop)
            self._recur(space, start, stop, d_steps)
            D, X = space.gather(start, stop)
            self._add_products(space, D, X, first=number == 0)
            if want_inputs:
                columns = space.d_inputs[:, start * batch : stop * batch]
                np.matmul(self.weights.w_ih.T, self._input_rows(D), out=columns)
        self._unpack()
        d_inputs = space.d_inputs.reshape(self.input_size, space.steps, batch).swapaxes(0, 1) if want_inputs else None
        return d_inputs, self._d_initial(space)

    def state_gradients(self, d_outputs: Array) -> Iterator[Array]:
        """Yield gradients `(states, H, B)` of the states with which steps T, T − 1, … 1 of the last `forward` began.

        d_outputs: gradient of its outputs `(T, H, B)`. The part that reaches a state h_t as an output of step t is not
        included. No gradients of weights are computed.
        """
        space, d_steps = self._space, list(d_outputs)
        self._begin(space, None)
        for t in range(space.steps - 1, -1, -1):
            self._differentiate(space, t, t + 1)
            self._recur(space, t, t + 1, d_steps)
            yield self._d_initial(space)

    def _workspace(self, steps: int, batch: int, training: bool) -> Space:
        key = (steps, batch, training)
        space = self._spaces.pop(key, None) or self._make_workspace(steps, batch, training)
        while len(self._spaces) >= SHAPES_KEPT:
            del self._spaces[next(iter(self._spaces))]  # the least recently used one
        self._spaces[key] = space
        return space

    @abstractmethod
    def pack(self) -> None:
        """Copy the weights into the layout of the products."""

    @abstractmethod
    def _make_workspace(self, steps: int, batch: int, training: bool) -> Space: ...

    @abstractmethod
    def _scan(self, space: Space, initial: Array | None) -> None:
        """Run all steps forward: from `space.h[0]` and the inputs in S to `space.h[1:]`."""

    @abstractmethod
    def _differentiate(self, space: Space, start: int, stop: int) -> None:
        """Write the local derivatives of steps start … stop − 1 into `space.J[: stop - start]`."""

    @abstractmethod
    def _recur(self, space: Space, start: int, stop: int, d_steps: list[Array] | None) -> None:
        """Run steps stop − 1 … start backward: fill `space.D`, and leave the gradient of h_{start-1} in `space.dh`."""

    @abstractmethod
    def _add_products(self, space: Space, D: Array, X: Array, *, first: bool) -> None:
        """Add the chunk's part of the weights' gradients. first: overwrite instead of adding."""

    @abstractmethod
    def _unpack(self) -> None:
        """Write the summed gradients into `gradients`, in PyTorch's layout."""

    def _input_rows(self, D: Array) -> Array:
        """Return the rows of D that belong to w_ih, in PyTorch's order of gates."""
        return D

    def _begin(self, space: Space, d_final: Array | None) -> None:
        space.dh[...] = 0 if d_final is None else d_final[0]

    def _final(self, space: Space) -> Array:
        return space.h[-1][None].copy()

    def _d_initial(self, space: Space) -> Array:
        return space.dh[None].copy()


def accumulate(left: Array, right: Array, total: Array, scratch: Array, *, first: bool) -> None:
    """Compute total += left @ right (first: total = left @ right).

    NumPy's product cannot add to its output, so it is computed in `scratch`.
    """
    if first:
        np.matmul(left, right, out=total)
    else:
        np.matmul(left, right, out=scratch)
        np.add(total, scratch, out=total)
