"""What an experiment compares: each model with each initialisation scheme is an entry of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.models.contract import Model
from bench.models.initialisation import SCHEMES, differs_from_default
from tasks.errors import UserError, unknown

OR = "+"  # `default+chrono`: the search chooses


@dataclass(frozen=True)
class Entry:
    """A model with the schemes that its search may choose from (one, unless they are searched)."""

    model: Model
    schemes: tuple[str, ...]
    label: str  # what records and tables call it


def entries(models: Sequence[Model], schemes: Sequence[str]) -> list[Entry]:
    """Models times schemes. A scheme that changes nothing for a model's cell is left out beside "default".

    An entry is called like its model, with the scheme in brackets where several are crossed and it is not the default:
    `lstm[init=forget_bias]`. Where the search chooses, it is called like its model.
    """
    if len(schemes) == 1:
        return [Entry(model, tuple(schemes[0].split(OR)), model.label) for model in models]
    return [
        Entry(model, (scheme,), _label(model, scheme))
        for model in models
        for scheme in schemes
        if scheme == "default" or "default" not in schemes or differs_from_default(scheme, model.cell)
    ]


def _label(model: Model, scheme: str) -> str:
    if scheme == "default":
        return model.label
    name, bracket, parameters = model.label.partition("[")
    return f"{name}[{parameters.removesuffix(']')},init={scheme}]" if bracket else f"{name}[init={scheme}]"


def check_schemes(given: Sequence[str]) -> None:
    """Raise UserError for schemes that `--init` cannot have."""
    if not given:
        raise UserError(f"--init is empty: give at least one of {', '.join(SCHEMES)}")
    for item in given:
        if OR in item and len(given) > 1:
            raise UserError(
                f"--init is {','.join(given)}: either compare schemes (A,B) or search them (A{OR}B), not both"
            )
        for scheme in item.split(OR):
            if scheme not in SCHEMES:
                raise unknown("init", scheme, SCHEMES)
    for names in (given, *(item.split(OR) for item in given)):
        if len(set(names)) < len(names):
            raise UserError(f"--init names a scheme twice in {','.join(given)}: give each once")
