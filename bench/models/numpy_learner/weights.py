"""Convert weights from and to `torch.nn` state dicts and ONNX tensors, without importing torch or onnx.

The NumPy cells keep their weights under torch's names and in torch's layout (gates stacked as GRU r, z, n; LSTM
i, f, g, o), so for torch's state dicts only a prefix is removed and missing biases are added.

ONNX has one node for a layer, with W `(D, G·H, I)`, R `(D, G·H, H)`, B `(D, 2·G·H)` for D directions, and its own order
of gates: GRU z, r, h; LSTM i, o, f, c. Its z keeps the old state, as PyTorch's does. A GRU node's attribute
linear_before_reset is this project's reset_after: 1 is `GRULayer`, 0 (ONNX's default) `ResetBeforeGRULayer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.models.initialisation import GATES
from bench.models.numpy_learner.stack import SUFFIXES, Direction
from tasks.contract import Array
from tasks.errors import unknown

ONNX_BLOCKS = {
    "rnn": (0,),
    "gru": (1, 0, 2),
    "lstm": (0, 2, 3, 1),
}  # ONNX's positions of torch's first gate, second gate, …


def from_torch(state: Mapping[str, Any], prefix: str = "") -> dict[str, Array]:
    """Copy the state dict of an `nn.GRU`, `nn.LSTM` or `nn.RNN` into weights for a `Stack`.

    state: values that NumPy can read as arrays, torch tensors on the CPU included. prefix: of the names that belong to
    the cell ("gru." if it is a module's attribute `gru`); others are left out. Biases of a cell made with bias=False
    are zero. ValueError if no name has the prefix.
    """
    weights: dict[str, Array] = {
        name.removeprefix(prefix): np.asarray(value).copy() for name, value in state.items() if name.startswith(prefix)
    }
    if not any(name.startswith("weight_hh_l") for name in weights):
        raise ValueError(
            f"expected names such as {prefix}weight_hh_l0, not {', '.join(state) or 'an empty state dict'}"
        )
    for name in [name for name in weights if name.startswith(("weight_ih_", "weight_hh_"))]:
        bias = name.replace("weight", "bias")
        weights.setdefault(bias, np.zeros(len(weights[name]), weights[name].dtype))
    return weights


def to_torch(weights: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """The inverse of `from_torch`, copied. `load_state_dict` takes the arrays converted by `torch.from_numpy`."""
    return {prefix + name: array.copy() for name, array in weights.items()}


def from_onnx(
    cell: str, W: Array, R: Array, B: Array | None = None, *, layer: int = 0, direction: Direction = "forward"
) -> dict[str, Array]:
    """Convert the tensors of an ONNX GRU, LSTM or RNN node to one layer's weights for a `Stack`.

    cell: "gru", "lstm" or "rnn". B: None for zero biases. ValueError gives the expected and the given shape.
    """
    gates, suffixes = _gates(cell), SUFFIXES[direction]
    directions, hidden = len(suffixes), R.shape[-1]
    if B is None:
        B = np.zeros((directions, 2 * gates * hidden), W.dtype)
    expected = {
        "W": (directions, gates * hidden, W.shape[-1]),
        "R": (directions, gates * hidden, hidden),
        "B": (directions, 2 * gates * hidden),
    }
    for (name, shape), array in zip(expected.items(), (W, R, B), strict=True):
        if array.shape != shape:
            raise ValueError(f"{name} of a {direction} {cell} must have shape {shape}, not {array.shape}")
    weights: dict[str, Array] = {}
    for d, suffix in enumerate(suffixes):
        b_ih, b_hh = np.split(B[d], 2)
        parts = {"weight_ih": W[d], "weight_hh": R[d], "bias_ih": b_ih, "bias_hh": b_hh}
        weights |= {f"{name}_l{layer}{suffix}": _reorder(array, ONNX_BLOCKS[cell]) for name, array in parts.items()}
    return weights


def to_onnx(
    cell: str, weights: Mapping[str, Array], *, layer: int = 0, direction: Direction = "forward"
) -> dict[str, Array]:
    """Convert one layer's weights to W, R and B of an ONNX node, the inverse of `from_onnx`."""
    _gates(cell)
    blocks = tuple(int(i) for i in np.argsort(ONNX_BLOCKS[cell]))
    tensors: dict[str, list[Array]] = {"W": [], "R": [], "B": []}
    for suffix in SUFFIXES[direction]:
        w_ih, w_hh, b_ih, b_hh = (
            _reorder(weights[f"{name}_l{layer}{suffix}"], blocks)
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        for key, array in zip(tensors, (w_ih, w_hh, np.concatenate([b_ih, b_hh])), strict=True):
            tensors[key].append(array)
    return {key: np.stack(arrays) for key, arrays in tensors.items()}


def _gates(cell: str) -> int:
    if cell not in GATES:
        raise unknown("cell", cell, GATES)
    return GATES[cell]


def _reorder(array: Array, blocks: tuple[int, ...]) -> Array:
    """Copy the gates' blocks of rows in another order."""
    parts = np.split(array, len(blocks))
    return np.concatenate([parts[i] for i in blocks])
