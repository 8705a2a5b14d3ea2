"""How an option is declared: once, with all that a TOML file, a flag, `--help` and a check of its value need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from tasks.errors import UserError

# What an option decides. outcome: what a training does. plan: which trainings there are, and what is kept of them.
# extent: how many there are; more of them extend an experiment. table: the task that a CSV file makes. place: where and
# how fast all of it runs, which changes no result.
Decides = Literal["outcome", "plan", "extent", "table", "place"]
NEVER = object()  # no value of any option
BILLION = 10**9  # of any count: more is a slip of the finger, and nothing would ever come of it


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """All that there is to know of an option but its name, type and default, which its field of `Options` has.

    group: the heading above its flag in `--help`. metavar: what stands for its value there; a switch has none.
    help: what it does, in whole sentences. flag: its flag, where this is not its name with dashes. repeated: the flag
    may be given several times. alias: an older name, which files and flags may still use. meant: what people write
    for one of its choices, and that choice. before: the value that every experiment had before there was this option.

    Which values are refused: at_least, more_than, at_most, less_than are bounds of each number, in `unit`; `allowed`
    is what the message adds to them. distinct: a list may not name a value twice. filled: what an empty list lacks.
    columns: a list of a table's columns; as in CSV, a name with a comma stands in double quotes.
    refuse: raises UserError for any other value that this option alone cannot have.
    """

    group: str
    metavar: str
    help: str
    decides: Decides = "outcome"
    flag: str | None = None
    repeated: bool = False
    alias: str | None = None
    meant: dict[str, str] = field(default_factory=dict)
    before: Any = NEVER
    at_least: float | None = None
    more_than: float | None = None
    at_most: float | None = None
    less_than: float | None = None
    unit: str = ""
    allowed: str = ""
    distinct: bool = False
    columns: bool = False
    filled: str = ""
    refuse: Callable[[Any], None] | None = None

    def check(self, name: str, value: Any) -> None:
        """Raise UserError where this option cannot have the value. name: what messages call the option."""
        if value is None:
            return
        items = value if isinstance(value, tuple) else (value,)
        if self.filled and not items:
            raise UserError(f"{name} is empty: give at least one {self.filled}")
        for item in items:
            if isinstance(item, (int, float)) and not self._is_within(item):
                shown = f"{item:g}" if isinstance(item, float) else str(item)
                raise UserError(f"{name} is {shown}: expected {self._bounds()}")
        if self.distinct:
            refuse_duplicates(name, items)
        if self.refuse is not None:
            self.refuse(value)

    def _is_within(self, number: float) -> bool:
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.more_than is None or number > self.more_than)
            and (self.at_most is None or number <= self.at_most)
            and (self.less_than is None or number < self.less_than)
        )

    def _bounds(self) -> str:
        """As in "at least 0 and less than 1"."""
        bounds = {
            "at least": self.at_least,
            "more than": self.more_than,
            "at most": self.at_most,
            "less than": self.less_than,
        }
        text = " and ".join(f"{words} {bound}" for words, bound in bounds.items() if bound is not None)
        return f"{text} {self.unit}".rstrip() + (f", {self.allowed}" if self.allowed else "")


def option(default: Any, metavar: str, help: str, *, group: str, **declared: Any) -> Any:
    """A field of `Options`. `declared`: what else `Declaration` knows."""
    declaration = Declaration(group=group, metavar=metavar, help=help, **declared)
    return field(default=default, metadata={"declaration": declaration})


def refuse_duplicates(name: str, values: Iterable[Any]) -> None:
    """Raise UserError where a list, which messages call `name`, has a value twice."""
    seen = set()
    for value in values:
        if value in seen:
            raise UserError(f"{name} names '{value}' twice: give each once")
        seen.add(value)
