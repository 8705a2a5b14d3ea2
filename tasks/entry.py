"""What tasks and models have in common: a name, a version, a summary, and dataclass fields as their parameters."""

from __future__ import annotations

from abc import ABC
from dataclasses import Field, fields
from typing import Any, ClassVar

from tasks.ranges import declared_range


class RegistryEntry(ABC):
    """Base of every task and model. A subclass is a frozen dataclass; its fields are the parameters it can be given."""

    name: ClassVar[str]
    version: ClassVar[int] = 1  # raise it when the outcome of the same request changes
    summary: ClassVar[str]  # one line for `bench list`
    cites: ClassVar[tuple[str, ...]] = ()  # its sources: keys of a bibliography (bench/report/references.bib)
    defining: ClassVar[tuple[str, ...]] = ()  # parameters that the label names as soon as it names any

    def identity(self) -> dict[str, Any]:
        """What decides the outcome besides name and version: JSON-able values by name."""
        return {f.name: getattr(self, f.name) for f in parameters(type(self))}

    @property
    def label(self) -> str:
        """The name in tables: with the parameters that differ from their defaults, as in `sine[noise=0.1]`.

        Where any does, `defining` ones are there too: `copy[delay=20,length=3]`, though delay is 20 by default.
        """
        own = parameters(type(self))
        changed = {f.name for f in own if getattr(self, f.name) != usual(f)}
        shown = {*changed, *(self.defining if changed else ())}
        values = {f.name: getattr(self, f.name) for f in own if f.name in shown}
        return f"{self.name}[{','.join(f'{key}={value}' for key, value in values.items())}]" if values else self.name


def usual(declared: Field[Any]) -> Any:
    """The value of a field where nothing else is said: its default, or the middle of the range that this is."""
    found = declared_range(declared)
    return declared.default if found is None else found.middle


def parameters(cls: type) -> tuple[Field[Any], ...]:
    """The fields that a user can set; a field with `init=False` is internal."""
    return tuple(f for f in fields(cls) if f.init)
