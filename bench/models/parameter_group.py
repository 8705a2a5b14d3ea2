"""A group of parameters that is trained in another way than the rest of a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters of a core that are trained in another way than the rest, as by a parameter group of torch's.

    rate: the factor of the learning rate. weight_decay: in place of the configuration's; None: the same.
    """

    parameters: Iterable[torch.nn.Parameter]
    rate: float = 1.0
    weight_decay: float | None = None
