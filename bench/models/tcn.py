"""The temporal convolutional network: no recurrence, a fixed stretch of the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.models.contract import Group, Problem
from bench.models.torch_model import TorchModel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Tcn(TorchModel):
    """Temporal convolutional network (Bai et al. 2018). A layer is `levels` residual blocks with dilations 1, 2, 4, …

    With the defaults a layer looks back 60 steps.
    """

    name = "tcn"
    summary = "temporal convolutional network: dilated causal convolutions, no recurrence"
    cites = ("bai2018",)
    group: ClassVar[Group] = "without recurrence"

    kernel_size: int = 3
    levels: int = 4

    def __post_init__(self) -> None:
        if self.kernel_size < 2 or self.levels < 1:
            raise ValueError(f"expected kernel_size >= 2 and levels >= 1, not {self.kernel_size} and {self.levels}")

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        from torch import nn

        from bench.models.torch_cells.stack import TorchStack
        from bench.models.torch_cells.tcn import TCNLayer

        def layer(inputs: int, size: int) -> nn.Module:
            return TCNLayer(inputs, size, self.kernel_size, self.levels)

        return TorchStack(layer, input_size, hidden_size, num_layers, dropout)

    def state_size(self, problem: Problem, hidden_size: int, num_layers: int) -> int:
        """The earlier inputs of every convolution that it looks at."""
        reach = (self.kernel_size - 1) * ((1 << self.levels) - 1)  # of the convolutions of a layer, all levels together
        first = (self.kernel_size - 1) * (problem.input_size - hidden_size)  # the very first has the task's inputs
        return num_layers * 2 * reach * hidden_size + first
