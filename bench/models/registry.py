"""The registry of models: every concrete `Model` in a file of `bench.models`, in a plug-in or an installed package.

Listing models does not import torch: an entry imports what it computes with when it builds a learner.
"""

from __future__ import annotations

from typing import get_args

from bench.models.contract import Group, Ignorable, Model
from tasks.errors import UserError
from tasks.registry import Registry, check_named_dataclass

DEVICES = ("cpu", "cuda")


def check_model(cls: type[Model]) -> None:
    """Raise UserError with the name of the attribute if a model class breaks its contract."""
    check_named_dataclass(cls, {"cell": str, "devices": tuple})
    if not cls.cell:
        raise UserError("attribute 'cell' is empty: expected a name, which seeds the initial weights")
    if not cls.devices or any(device not in DEVICES for device in cls.devices):
        raise UserError(f"attribute 'devices' is {cls.devices!r}: expected one or both of {DEVICES}")
    if not isinstance(cls.ignores, tuple) or any(setting not in get_args(Ignorable) for setting in cls.ignores):
        raise UserError(f"attribute 'ignores' is {cls.ignores!r}: expected a tuple of some of {get_args(Ignorable)}")
    if not isinstance(cls.untrained, tuple) or not all(isinstance(weight, str) for weight in cls.untrained):
        raise UserError(
            f"attribute 'untrained' is {cls.untrained!r}: expected a tuple of weights' names, where * is any text"
        )
    if not isinstance(cls.surrogate_gradients, bool):
        raise UserError(f"attribute 'surrogate_gradients' is {cls.surrogate_gradients!r}: expected True or False")
    if cls.group not in get_args(Group):
        raise UserError(f"attribute 'group' is {cls.group!r}: expected one of {get_args(Group)}")


MODELS: Registry[Model] = Registry("model", Model, "bench.models", check_model)  # type: ignore[type-abstract]
