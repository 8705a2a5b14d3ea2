"""Names with parameters, as people write them: `copy[delay=50,length=10]`; and text turned into a field's type."""

from __future__ import annotations

import csv
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from tasks.errors import UserError, short, unknown


@dataclass(frozen=True)
class Spec:
    """A name with parameters, as in `copy[delay=50,length=10]`: what a user asks for, before it is made."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read `name` or `name[key=value,…]`; values stay text until the entry's types are known."""
        match = re.fullmatch(r"\s*([^\[\]\s,=]+)\s*(?:\[(.*)\])?\s*", text)
        if match is None:
            raise UserError(f"cannot read '{text}': expected NAME or NAME[parameter=value,…], as in copy[delay=50]")
        parameters: dict[str, Any] = {}
        for part in filter(str.strip, (match[2] or "").split(",")):
            key, equals, value = part.partition("=")
            if not equals or not key.strip():
                raise UserError(f"cannot read '{part.strip()}' in '{text}': expected parameter=value")
            if key.strip() in parameters:
                raise UserError(f"parameter '{key.strip()}' is given twice in '{text}'")
            parameters[key.strip()] = value.strip()
        return cls(match[1], parameters)

    def __str__(self) -> str:
        inner = ",".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.name}[{inner}]" if inner else self.name


def split_specs(text: str) -> list[str]:
    """Split at the commas outside brackets: `sine,copy[delay=50,length=3]` gives two."""
    return [part for part in re.split(r",(?![^\[]*\])", text) if part.strip()]


def split_columns(text: str) -> list[str]:
    """Split as a line of CSV is: `load,"price, EUR"` gives two; UserError for quotes that do not close."""
    try:
        found = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise UserError(f"cannot read the columns {short(text)}: {error}") from None
    return [name.strip() for name in found if name.strip()]


def convert(value: Any, kind: Any, where: str) -> Any:
    """`value` (text from a command line, or a TOML value) as the type that a field declares; UserError otherwise."""
    options = (
        typing.get_args(kind)
        if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union
        else (kind,)
    )
    if type(None) in options and (value is None or (value == "none" and str not in options)):
        return None  # where text is expected, a column or an experiment may be called none
    for option in (o for o in options if o is not type(None)):
        if typing.get_origin(option) is typing.Literal:
            for choice in typing.get_args(option):
                if str(choice) == str(value):  # 1 for "1"
                    return choice
            raise unknown(f"value of {where}", str(value), [str(v) for v in typing.get_args(option)])
        if typing.get_origin(option) is tuple:
            text = value if isinstance(value, (list, tuple)) else re.split(r"[+|]", str(value))
            items = [] if text == [""] else text
            return tuple(convert(item, typing.get_args(option)[0], where) for item in items)
        if option is bool and str(value).lower() in ("true", "false", "yes", "no", "1", "0"):
            return str(value).lower() in ("true", "yes", "1")
        if option in (int, float) and not isinstance(value, bool):
            try:
                number = option(value)
            except (ValueError, TypeError, OverflowError):  # text, a list, int(inf)
                continue
            if math.isfinite(number) and (isinstance(value, str) or number == value):  # 2.5 is no int
                return number
        if option is str and isinstance(value, (str, int, float, PurePath)):
            return str(value)
    expected = " or ".join(getattr(o, "__name__", str(o)) for o in options if o is not type(None))
    raise UserError(f"{where} is {value!r}: expected {expected}")
