"""Where the weights of N trainings lie: one matrix `(N, P)`, of which each weight is a view.

So gradient clipping and Adam are a few operations on one matrix, whatever the number of layers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench.models.torch_learner.network import as_array
from bench.models.torch_learner.stacked.layers import LayerWeights
from tasks.contract import Array

ALIGNED = 32  # numbers: each weight begins at a multiple of it, where matrix kernels read fastest
ADAM = ("adam.m.", "adam.v.")


class WeightLayout:
    """The places of a network's weights in a row of P numbers, by the names of `Learner.state`.

    What lies between two weights stays 0. names: of the weights, layer by layer, then `head.weight` and `head.bias`.
    """

    def __init__(self, gates: int, input_size: int, hidden_size: int, num_layers: int, output_size: int) -> None:
        self.num_layers = num_layers
        rows = gates * hidden_size
        self.shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(num_layers):
            self.shapes[f"weight_ih_l{layer}"] = (rows, hidden_size if layer else input_size)
            self.shapes[f"weight_hh_l{layer}"] = (rows, hidden_size)
            self.shapes[f"bias_ih_l{layer}"] = self.shapes[f"bias_hh_l{layer}"] = (rows,)
        self.shapes["head.weight"], self.shapes["head.bias"] = (output_size, hidden_size), (output_size,)
        self._places, self.size = dict[str, int](), 0
        for name, shape in self.shapes.items():
            self._places[name] = self.size
            self.size += -(-math.prod(shape) // ALIGNED) * ALIGNED

    def views(self, rows: Tensor) -> dict[str, Tensor]:
        """Each weight of all rows `(N, P)`, as `(N, *shape)`; or of one row `(P,)`, as `shape`."""
        return {
            name: rows[..., self._places[name] : self._places[name] + math.prod(shape)].view(*rows.shape[:-1], *shape)
            for name, shape in self.shapes.items()
        }

    def layers(self, rows: Tensor) -> list[LayerWeights]:
        """The recurrent layers' weights of all rows `(N, P)`."""
        views = self.views(rows)
        names = ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l")
        return [LayerWeights(*(views[f"{name}{layer}"] for name in names)) for layer in range(self.num_layers)]

    def pack(self, state: Mapping[str, Array], dtype: torch.dtype) -> Tensor:
        """A learner's weights and Adam's moments on the host, `(3, P)`."""
        packed = torch.zeros(3, self.size, dtype=dtype)
        for part, prefix in enumerate(("", *ADAM)):
            for name, view in self.views(packed[part]).items():
                view.copy_(torch.from_numpy(state[prefix + name]))
        return packed

    def unpack(self, packed: Tensor, step: float) -> dict[str, Array]:
        """The inverse: a learner's state. packed: `(3, P)`. step: Adam's count."""
        found: dict[str, Any] = {"adam.step": torch.tensor(step, dtype=torch.float32).numpy()}
        for part, prefix in enumerate(("", *ADAM)):
            found |= {prefix + name: as_array(view) for name, view in self.views(packed[part]).items()}
        return found
