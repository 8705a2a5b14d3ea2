"""What a learner asks of an optimiser, and an optimiser that is made of several.

None is taken from `torch.optim`: constructing any of its optimisers imports `torch._dynamo` and sympy (1.5 s in every
worker), and their `step` walks parameter groups, hooks and devices: half of its time at these sizes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain, compress

from torch import Tensor


class Optimizer(ABC):
    """Updates parameters from the gradients in `.grad`; a parameter without one is left alone.

    moments: what it keeps of each parameter, in their order, by the beginning of its name in `Learner.state`. counts:
    steps made, of each parameter, where it counts them.
    """

    def __init__(self, parameters: Sequence[Tensor], moments: dict[str, list[Tensor]], counts: list[Tensor]) -> None:
        self.parameters, self.moments, self.counts = list(parameters), moments, counts

    @property
    @abstractmethod
    def learning_rate(self) -> float:
        """May be set between steps."""

    @learning_rate.setter
    @abstractmethod
    def learning_rate(self, value: float) -> None: ...

    @property
    def rate_is_on_device(self) -> bool:
        """Whether a captured step follows changes of the learning rate."""
        return False

    @abstractmethod
    def step(self) -> None:
        """Make one update."""

    def with_gradients(self, *columns: list[Tensor]) -> tuple[list[Tensor], ...]:
        """The parameters that have a gradient, their gradients, and what `columns` have for them."""
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        if len(gradients) == len(self.parameters):
            return (self.parameters, gradients, *columns)
        used = [parameter.grad is not None for parameter in self.parameters]
        parameters, *others = (list(compress(column, used)) for column in (self.parameters, *columns))
        return (parameters, gradients, *others)


class OptimizerOfGroups(Optimizer):
    """Several optimisers, each of some of the parameters and with its own factor of the learning rate."""

    def __init__(self, groups: Sequence[tuple[Optimizer, float]], learning_rate: float) -> None:
        """groups: optimisers of one class, and their factors."""
        self._groups = list(groups)
        members = [member for member, _ in groups]
        kinds = members[0].moments
        super().__init__(
            list(chain.from_iterable(member.parameters for member in members)),
            {kind: list(chain.from_iterable(member.moments[kind] for member in members)) for kind in kinds},
            list(chain.from_iterable(member.counts for member in members)),
        )
        self.learning_rate = learning_rate

    @property
    def learning_rate(self) -> float:
        """The rate of a group whose factor is 1."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = value
        for member, factor in self._groups:
            member.learning_rate = value * factor

    @property
    def rate_is_on_device(self) -> bool:
        return all(member.rate_is_on_device for member, _ in self._groups)

    def step(self) -> None:
        for member, _ in self._groups:
            member.step()
