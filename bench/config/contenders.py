"""What an experiment compares: each model with each initialisation scheme is an entry of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.config.option import refuse_duplicates
from bench.config.searched import Ranges
from bench.models.contract import Model
from bench.models.initialisation import GATES, SCHEMES, differs_from_default
from bench.models.registry import MODELS
from tasks.errors import UserError, unknown
from tasks.registry import code_hash
from tasks.spec import Spec

OR = "+"  # `default+chrono`: the search chooses


@dataclass(frozen=True)
class Entry:
    """A model with the schemes that its search may choose from (one, unless they are searched)."""

    model: Model
    schemes: tuple[str, ...]
    label: str  # what records and tables call it
    ranges: Ranges = field(default_factory=dict, hash=False)  # the model's own hyper-parameters that are searched


def entries(models: Sequence[Model], schemes: Sequence[str], own: Sequence[str | None] = ()) -> list[Entry]:
    """Models times schemes; a model that names its own (`gru[init=chrono]`, in `own`) has that one alone.

    A scheme that changes nothing for a model's cell is left out beside "default".

    An entry is called like its model, with the scheme in brackets where several are crossed and it is not the default:
    `lstm[init=forget_bias]`. Where the search chooses, it is called like its model.
    """
    found: list[Entry] = []
    for model, named in zip(models, own or [None] * len(models), strict=True):
        if named is not None:
            found.append(Entry(model, (named,), _label(model, named)))
        elif len(schemes) == 1:
            found.append(Entry(model, tuple(schemes[0].split(OR)), model.label))
        else:
            found += [
                Entry(model, (scheme,), _label(model, scheme))
                for scheme in schemes
                if scheme == "default" or "default" not in schemes or differs_from_default(scheme, model.cell)
            ]
    return found


def own_scheme(spec: Spec) -> tuple[Spec, str | None]:
    """A model as it was asked for without `init`, and that scheme: `gru[init=chrono]`.

    UserError for a scheme that there is not.
    """
    scheme = spec.parameters.get("init")
    if scheme is None or "init" in MODELS.get(spec.name).__dataclass_fields__:  # type: ignore[attr-defined]
        return spec, None
    if scheme not in SCHEMES:
        raise unknown(f"init of {spec}", scheme, SCHEMES)
    return Spec(spec.name, {key: value for key, value in spec.parameters.items() if key != "init"}), scheme


def check_entries(found: Sequence[Entry]) -> None:
    """Raise UserError for a contender that is there twice, and for a scheme that a model of bench's cannot have.

    A plug-in's core may be one of torch's, whatever its name: it is tried later.
    """
    labels = [entry.label for entry in found]
    both = next((label for label in labels if "init=" in label and labels.count(label) > 1), None)
    if both is not None:
        raise UserError(f"'{both}' is there twice: give it once, by --models or by --init")
    refuse_duplicates("--models", labels)
    for entry in found:
        refused = [scheme for scheme in entry.schemes if scheme != "default"]
        if refused and entry.model.cell not in GATES and code_hash(type(entry.model)) is None:
            raise UserError(
                f"model {entry.model.label} draws its own initial weights, so its init must be 'default', not "
                f"'{refused[0]}': leave it out, or compare the schemes on gru, lstm and rnn alone "
                f"(gru[init={refused[0]}])"
            )


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
