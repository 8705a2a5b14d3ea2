"""The linear recurrent unit: a diagonal, complex, linear recurrence between gated linear units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.torch_model import ParameterGroup, TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Lru(TorchModel):
    """Linear recurrent unit (Orvieto et al. 2023).

    r_min, r_max: between which the moduli of its complex factors lie at first; nearer to 1 remembers longer.
    recurrent_rate: the factor of the learning rate of λ, γ and B. The paper trains them at a lower rate than the rest
    and without weight decay; here they have no weight decay either, and by default the rate of the rest.
    """

    name = "lru"
    version = 2  # weight decay spares the recurrence
    summary = "linear recurrent unit: complex diagonal recurrence, gated linear units"
    states: ClassVar[int | None] = 2  # complex
    cites = ("orvieto2023",)
    precisions: ClassVar[tuple[str, ...]] = ("float32", "tf32")  # complex numbers have no bfloat16

    r_min: float = 0.0
    r_max: float = 1.0
    recurrent_rate: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.recurrent_rate <= 1:
            raise ValueError(f"expected 0 < recurrent_rate <= 1, not {self.recurrent_rate}")
        if not 0 <= self.r_min < self.r_max <= 1:
            raise ValueError(f"expected 0 <= r_min < r_max <= 1, not {self.r_min} and {self.r_max}")

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        from torch import nn

        from bench.models.torch_cells.lru import LRULayer
        from bench.models.torch_cells.stack import TorchStack

        def layer(_: int, size: int) -> nn.Module:
            return LRULayer(size, self.r_min, self.r_max)

        stack = TorchStack(layer, hidden_size, hidden_size, num_layers, dropout)
        return nn.Sequential(nn.Linear(input_size, hidden_size), stack)

    def parameter_groups(self, core: torch.nn.Module) -> Sequence[ParameterGroup]:
        from bench.models.torch_cells.lru import LRU

        layers = [module for module in core.modules() if isinstance(module, LRU)]
        recurrent = [part for layer in layers for part in (layer.nu, layer.theta, layer.gamma, layer.b)]
        return [ParameterGroup(recurrent, rate=self.recurrent_rate, weight_decay=0.0)]
