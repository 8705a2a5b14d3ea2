"""Initial weights: drawn by NumPy in float64 with torch's names, for torch and NumPy cells alike.

Every scheme draws the same variates in the same order, so that two schemes with one seed differ only in what the scheme
changes.

PyTorch adds two biases (`bias_ih` and `bias_hh`); a scheme that sets a bias sets `bias_ih` and zeroes `bias_hh`.
Gate order in the stacked rows is PyTorch's: GRU (r, z, n), LSTM (i, f, g, o).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from tasks.contract import Array
from tasks.errors import unknown

Scheme = Literal["default", "xavier", "orthogonal", "forget_bias", "chrono"]
SCHEMES: tuple[Scheme, ...] = ("default", "xavier", "orthogonal", "forget_bias", "chrono")
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
_SAME_AS_DEFAULT = {"forget_bias": ("rnn", "gru"), "chrono": ("rnn",)}  # cells without the gate that the scheme sets


def differs_from_default(scheme: str, cell: str) -> bool:
    """Whether a scheme gives this cell weights that differ from those of "default"."""
    return scheme != "default" and cell in GATES and cell not in _SAME_AS_DEFAULT.get(scheme, ())


def draw_weights(
    scheme: str,
    cell: str,
    *,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    output_size: int,
    sequence_length: int,
    rng: np.random.Generator,
    directions: int = 1,
) -> dict[str, Array]:
    """Draw all weights of a cell and its linear head, in float64, by torch's names.

    `weight_ih_l{k}[_reverse]` (G·H, I or directions·H), `weight_hh_l{k}` (G·H, H), `bias_ih_l{k}`, `bias_hh_l{k}`
    (G·H,), `head.weight` (O, directions·H), `head.bias` (O,), with G = 1, 3, 4 gates for rnn, gru, lstm.

    - default: PyTorch's own, every entry U(±1/√H); head U(±1/√fan_in).
    - xavier: Glorot & Bengio 2010 uniform for each gate's matrix, zero biases.
    - orthogonal: Saxe et al. 2014 for each gate's recurrent matrix, Xavier for the input's, zero biases.
    - forget_bias: default, with the LSTM's forget bias 1 (Jozefowicz et al. 2015). GRU and RNN have none: default.
    - chrono: Tallec & Ollivier 2018 with T_max = `sequence_length`: LSTM b_f = log U(1, T_max − 1), b_i = −b_f; in a
      GRU, PyTorch's z keeps the old state, so its slice gets +log U(1, T_max − 1). The RNN has no gate: default.
    """
    if scheme not in SCHEMES:
        raise unknown("initialisation", scheme, SCHEMES)
    if cell not in GATES:
        raise unknown("cell", cell, GATES)
    gates = GATES[cell]
    weights: dict[str, Array] = {}
    for layer in range(num_layers):
        fan_in = input_size if layer == 0 else hidden_size * directions
        for suffix in ("", "_reverse")[:directions]:
            names = [f"{part}_l{layer}{suffix}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            layer_weights = _draw_layer(scheme, cell, gates, fan_in, hidden_size, sequence_length, rng)
            weights.update(zip(names, layer_weights, strict=True))
    fan_in = hidden_size * directions
    bound = math.sqrt(6 / (fan_in + output_size)) if scheme in ("xavier", "orthogonal") else 1 / math.sqrt(fan_in)
    weights["head.weight"] = rng.uniform(-bound, bound, (output_size, fan_in))
    head_bias = rng.uniform(-bound, bound, output_size)
    weights["head.bias"] = np.zeros(output_size) if scheme in ("xavier", "orthogonal") else head_bias
    return weights


def _draw_layer(
    scheme: str, cell: str, gates: int, fan_in: int, hidden: int, sequence_length: int, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    # the same unit variates first for every scheme, so that the random stream does not depend on the scheme
    w_ih, w_hh, b_ih, b_hh = (
        rng.uniform(-1, 1, shape)
        for shape in ((gates * hidden, fan_in), (gates * hidden, hidden), gates * hidden, gates * hidden)
    )
    keep = rng.uniform(0, 1, hidden)  # chrono's time scales
    if scheme in ("xavier", "orthogonal"):
        w_ih *= math.sqrt(6 / (fan_in + hidden))
        w_hh = _orthogonal(w_hh, gates) if scheme == "orthogonal" else w_hh * math.sqrt(6 / (2 * hidden))
        return w_ih, w_hh, np.zeros_like(b_ih), np.zeros_like(b_hh)
    bound = 1 / math.sqrt(hidden)
    w_ih, w_hh, b_ih, b_hh = w_ih * bound, w_hh * bound, b_ih * bound, b_hh * bound
    second = slice(hidden, 2 * hidden)  # z of a GRU, f of an LSTM: the gate that keeps the old state
    if scheme == "forget_bias" and cell == "lstm":
        b_ih[second], b_hh[second] = 1.0, 0.0
    if scheme == "chrono" and cell != "rnn":
        bias = np.log(1 + keep * (max(sequence_length, 3) - 2))
        b_ih[second], b_hh[second] = bias, 0.0
        if cell == "lstm":
            b_ih[:hidden], b_hh[:hidden] = -bias, 0.0
    return w_ih, w_hh, b_ih, b_hh


def _orthogonal(blocks: Array, gates: int) -> Array:
    """Replace each gate's square block by the orthogonal factor of its QR decomposition (R's diagonal positive)."""
    out = []
    for block in np.split(blocks, gates):
        q, r = np.linalg.qr(block)
        out.append(q * np.sign(np.diag(r)))
    return np.concatenate(out)
