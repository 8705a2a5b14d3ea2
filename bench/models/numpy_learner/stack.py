"""Layers and directions: a whole recurrent network from single directions of single NumPy layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from bench.models.numpy_learner.layer import Layer, Weights
from bench.models.numpy_learner.parameters import check_entries
from tasks.contract import Array

Direction = Literal["forward", "reverse", "bidirectional"]
SUFFIXES: dict[str, tuple[str, ...]] = {
    "forward": ("",),
    "reverse": ("_reverse",),
    "bidirectional": ("", "_reverse"),
}


class Stack:
    """L layers of D directions (D = 2 if bidirectional, else 1). Each layer reads the outputs of the one below.

    layer: the cell (`GRULayer`, `LSTMLayer`, …). weights: torch's names and layout, as in a `torch.nn` state dict; the
    reverse direction's names end in `_reverse`. gradients: the same names; `backward` writes into them. Both are used
    in place; call `pack` after changing the weights. dropout: between layers, in training, with masks from `rng`
    (inverted dropout: kept values are divided by 1 − dropout).

    Raises ValueError with the name of the first array that does not fit.
    """

    def __init__(
        self,
        layer: type[Layer[Any]],
        weights: Mapping[str, Array],
        gradients: Mapping[str, Array] | None = None,
        *,
        direction: Direction = "forward",
        dropout: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        if direction not in SUFFIXES:
            raise ValueError(f"direction must be one of {', '.join(SUFFIXES)}, not {direction!r}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, not {dropout}")
        if dropout and rng is None:
            raise ValueError("dropout needs rng, a NumPy generator to draw its masks from")
        self._suffixes = SUFFIXES[direction]
        self.directions = len(self._suffixes)
        # a layer only runs forward: the reverse direction reads and writes its steps in reverse
        self._orders = [slice(None, None, -1) if suffix else slice(None) for suffix in self._suffixes]
        self.num_layers = check_weights(layer, weights, self._suffixes)
        self.gradients = gradients or {name: np.zeros_like(array) for name, array in weights.items()}
        self.layers = [
            [
                layer(Weights.named(weights, f"_l{k}{suffix}"), Weights.named(self.gradients, f"_l{k}{suffix}"))
                for suffix in self._suffixes
            ]
            for k in range(self.num_layers)
        ]
        first = self.layers[0][0]
        self.input_size, self.hidden_size, self.dtype, self.states = (
            first.input_size,
            first.hidden_size,
            first.dtype,
            first.states,
        )
        self._dropout, self._rng = dropout, rng
        self._outputs_shape: tuple[int, ...] | None = None  # of the last forward pass
        self._final_shape: tuple[int, ...] | None = None
        self.pack()

    def pack(self) -> None:
        """Copy changed weights into the layers. Call it after changing weights."""
        for layer in self.layers:
            for direction in layer:
                direction.pack()

    def forward(
        self,
        inputs: Array,
        *,
        initial: Array | None = None,
        lengths: Array | None = None,
        training: bool = False,
    ) -> tuple[Array, Array]:
        """Return the last layer's outputs `(T, D·H, B)` and the final states `(states, L·D, H, B)` of all layers.

        inputs: `(T, I, B)` in the weights' dtype, or integer tokens `(T, B)`, one-hot encoded here.
        initial: `(states, L·D, H, B)`; states is 1 (h), or 2 in an LSTM (h and c). None: zero. Pass the
            final states of one call to the next to continue its sequences.
        lengths: `(B,)` integers in 1 … T; from step `lengths[b]` on, sequence b is padding: its outputs are zero, its
            state stays, and the values there affect neither outputs nor gradients. None: all have T steps.
        training: keep the values that `backward` needs, and apply dropout.

        The next call overwrites the outputs. TypeError and ValueError say what was expected and what was given.
        """
        self._check_inputs(inputs, initial)
        steps, batch = inputs.shape[0], inputs.shape[-1]
        self._ended = ended = None if lengths is None else padding(lengths, steps, batch)
        self._masks: list[Array] = []
        finals = []
        outputs = inputs
        for k, layer in enumerate(self.layers):
            if k and training and self._dropout:
                outputs = self._drop(outputs)
            parts = []
            for d, (order, direction) in enumerate(zip(self._orders, layer, strict=True)):
                state = None if initial is None else initial[:, k * self.directions + d]
                part, final = direction.forward(
                    outputs[order], state, None if ended is None else ended[order], training=training
                )
                parts.append(part[order])
                finals.append(final)
            outputs = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        if ended is not None:
            outputs = np.where(ended[:, None], 0, outputs)
        states = np.stack(finals, axis=1)
        self._outputs_shape, self._final_shape = outputs.shape, states.shape
        return outputs, states

    def backward(
        self, d_outputs: Array | None = None, d_final: Array | None = None, *, want_inputs: bool = False
    ) -> tuple[Array | None, Array]:
        """Return gradients of inputs `(T, I, B)` (None unless wanted) and of initial states `(states, L·D, H, B)`.

        d_outputs: gradient of the last `forward`'s outputs, `(T, D·H, B)`; d_final: of its final states; None: zero.
        The weights' gradients are written into `gradients` and replace the previous ones.
        """
        if self._outputs_shape is None or self._final_shape is None:
            raise ValueError("backward needs a forward pass with training=True before it")
        self._check("d_outputs", d_outputs, self._outputs_shape)
        self._check("d_final", d_final, self._final_shape)
        H = self.hidden_size
        if d_outputs is not None and self._ended is not None:
            d_outputs = np.where(self._ended[:, None], 0, d_outputs)
        d_initial: list[Array] = []
        for k in range(self.num_layers - 1, -1, -1):
            d_inputs: Array | None = None
            d_states = []
            for d, (order, direction) in enumerate(zip(self._orders, self.layers[k], strict=True)):
                d_part = None if d_outputs is None else d_outputs[order, d * H : (d + 1) * H]
                d_state = None if d_final is None else d_final[:, k * self.directions + d]
                d_x, d_h = direction.backward(d_part, d_state, want_inputs=want_inputs or k > 0)
                d_states.append(d_h)
                if d_x is not None:
                    d_inputs = d_x[order] if d_inputs is None else d_inputs + d_x[order]
            d_initial = d_states + d_initial
            d_outputs = d_inputs
            if k and self._masks and d_outputs is not None:
                d_outputs = d_outputs * self._masks[k - 1]
        return d_outputs, np.stack(d_initial, axis=1)

    def _drop(self, outputs: Array) -> Array:
        assert self._rng is not None
        keep = 1 - self._dropout
        mask = (self._rng.random(outputs.shape, dtype=np.float32) < keep) * (self.dtype.type(1 / keep))
        self._masks.append(mask)
        return outputs * mask

    def _check_inputs(self, inputs: Array, initial: Array | None) -> None:
        tokens = inputs.ndim == 2 and np.issubdtype(inputs.dtype, np.integer)
        if tokens:
            if inputs.size and not (inputs.min() >= 0 and inputs.max() < self.input_size):
                raise ValueError(f"tokens must lie in 0 … {self.input_size - 1}, not {inputs.min()} … {inputs.max()}")
        elif inputs.ndim != 3 or inputs.shape[1] != self.input_size:
            raise ValueError(f"inputs must have shape (T, {self.input_size}, B), not {inputs.shape}")
        elif inputs.dtype != self.dtype:
            raise TypeError(f"inputs must be {self.dtype} as the weights, not {inputs.dtype}")
        if 0 in inputs.shape:
            raise ValueError(f"inputs need at least one step and one sequence, not shape {inputs.shape}")
        states = (self.states, self.num_layers * self.directions, self.hidden_size, inputs.shape[-1])
        self._check("initial states", initial, states)

    def _check(self, what: str, given: Array | None, shape: tuple[int, ...]) -> None:
        if given is not None and given.shape != shape:
            raise ValueError(f"{what} must have shape {shape}, not {given.shape}")
        if given is not None and given.dtype != self.dtype:
            raise TypeError(f"{what} must be {self.dtype} as the weights, not {given.dtype}")


def padding(lengths: Array, steps: int, batch: int) -> Array:
    """Return `(T, B)` bool, True from step `lengths[b]` on. ValueError unless the lengths are B integers in 1 … T."""
    lengths = np.asarray(lengths)
    if lengths.shape != (batch,) or not np.issubdtype(lengths.dtype, np.integer):
        raise ValueError(f"lengths must be integers of shape ({batch},), not {lengths.dtype} of shape {lengths.shape}")
    if lengths.min() < 1 or lengths.max() > steps:
        raise ValueError(f"lengths must lie in 1 … {steps}, not {lengths.min()} … {lengths.max()}")
    return np.arange(steps)[:, None] >= lengths


def check_weights(layer: type[Layer[Any]], weights: Mapping[str, Array], suffixes: tuple[str, ...]) -> int:
    """Count the layers of `weights`. ValueError or TypeError if an array is missing, unknown or does not fit."""
    num_layers = len({name.removesuffix("_reverse").rpartition("_l")[2] for name in weights})
    first = weights.get(f"weight_hh_l0{suffixes[0]}")
    if first is None or first.ndim != 2:
        raise ValueError(f"weights must have weight_hh_l0{suffixes[0]} (gates·H, H); they have {', '.join(weights)}")
    hidden, rows = first.shape[1], layer.gates * first.shape[1]
    expected: dict[str, tuple[int, ...]] = {}
    for k in range(num_layers):
        for suffix in suffixes:
            name = f"weight_ih_l{k}{suffix}"
            inputs = len(suffixes) * hidden if k else weights[name].shape[-1] if name in weights else 0
            expected |= {name: (rows, inputs), f"weight_hh_l{k}{suffix}": (rows, hidden)}
            expected |= {f"bias_ih_l{k}{suffix}": (rows,), f"bias_hh_l{k}{suffix}": (rows,)}
    check_entries(expected, weights)
    for name, array in weights.items():
        if array.dtype != first.dtype or array.dtype not in (np.float32, np.float64):
            raise TypeError(f"weights must all be float32 or all float64; {name} is {array.dtype}")
    return num_layers
