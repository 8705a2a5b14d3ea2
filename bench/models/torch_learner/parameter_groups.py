"""The optimiser of a network, whose parameters a model may put into groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor

from bench.models.contract import Settings
from bench.models.parameter_group import ParameterGroup
from bench.models.torch_learner.adam import FusedAdam
from bench.models.torch_learner.descent import RmsProp, Sgd
from bench.models.torch_learner.optimizer import Optimizer, OptimizerOfGroups
from tasks.errors import UserError

OPTIMIZERS: dict[str, Callable[[Sequence[Tensor], float, float], Optimizer]] = {
    "adam": FusedAdam,
    "adamw": partial(FusedAdam, decoupled=True),
    "sgd": Sgd,
    "rmsprop": RmsProp,
}


def open_optimizer(
    parameters: Sequence[Tensor], settings: Settings, groups: Sequence[ParameterGroup], model_name: str
) -> Optimizer:
    """The optimiser that the settings name, for all parameters. Those that no group has are a group of their own.

    UserError for a group with a tensor that is none of the parameters, one that another group has, or a factor that is
    not positive.
    """
    rest, made = {id(parameter): parameter for parameter in parameters}, list[tuple[Optimizer, float]]()
    optimizer = OPTIMIZERS[settings.optimizer]
    known = set(rest)
    for group in groups:
        members = list(group.parameters)
        if any(id(member) not in known for member in members):
            raise UserError(f"model {model_name}: parameter_groups has a tensor that its core does not train")
        if len({id(member) for member in members} & rest.keys()) < len(members):
            raise UserError(f"model {model_name}: parameter_groups has a parameter twice: put it into one group")
        decay = settings.weight_decay if group.weight_decay is None else group.weight_decay
        if not (math.isfinite(group.rate) and group.rate > 0 and decay >= 0):
            raise UserError(f"model {model_name}: parameter_groups needs rate > 0 and weight_decay >= 0, not {group}")
        for member in members:
            del rest[id(member)]
        made.append((optimizer(members, settings.learning_rate * group.rate, decay), group.rate))
    if rest or not made:
        made.insert(0, (optimizer(list(rest.values()), settings.learning_rate, settings.weight_decay), 1.0))
    return made[0][0] if len(made) == 1 and made[0][1] == 1 else OptimizerOfGroups(made, settings.learning_rate)
