"""Ranges of a model's own hyper-parameters: as the default of a field, a range is searched unless a value is given."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import Field
from typing import Any, NamedTuple

from tasks.errors import UserError


class Choices(tuple[Any, ...]):
    """Values of which a search chooses one."""

    __slots__ = ()

    @property
    def middle(self) -> Any:
        """The value where nothing is searched."""
        return self[len(self) // 2]

    def at(self, part: float) -> Any:
        """The value at a part (0 to 1) of the range."""
        return self[min(int(part * len(self)), len(self) - 1)]


class Interval(NamedTuple):
    """Numbers from `low` to `high`, evenly or on a log scale."""

    low: float
    high: float
    log: bool = False

    @property
    def middle(self) -> float:
        """The value where nothing is searched."""
        return float(self.at(0.5))

    def at(self, part: float) -> float:
        """The value at a part (0 to 1) of the range."""
        if not self.log:
            return self.low + part * (self.high - self.low)
        low, high = math.log(self.low), math.log(self.high)
        return min(max(math.exp(low + part * (high - low)), self.low), self.high)


def Choice(*values: Any) -> Any:  # noqa: N802 - reads as a type where it stands: kernel_size: int = Choice(3, 5, 7)
    """The default of a field that a search chooses from these values; the middle one where nothing is searched."""
    if len(set(values)) < 2 or len(set(values)) < len(values):
        raise ValueError(f"Choice{values}: expected at least two different values")
    return Choices(values)


def Range(low: float, high: float, *, log: bool = False) -> Any:  # noqa: N802
    """The default of a field that a search draws from `low` to `high`; the middle where nothing is searched."""
    if not -math.inf < low < high < math.inf or (log and low <= 0):
        raise ValueError(
            f"Range({low}, {high}, log={log}): expected two numbers with low < high{', above 0 on a log scale' * log}"
        )
    return Interval(float(low), float(high), log)


def declared_range(declared: Field[Any]) -> Choices | Interval | None:
    """The range that a field of a dataclass declares; None: its default is a value, or there is none."""
    return declared.default if isinstance(declared.default, (Choices, Interval)) else None


def middles(ranges: Mapping[str, Choices | Interval]) -> dict[str, Any]:
    """The middle of each range."""
    return {name: found.middle for name, found in ranges.items()}


def parse_range(text: str, where: str) -> Choices | Interval:
    """Read `3,5,7`, or `0.01..1` and, on a log scale, `0.01..1:log`. UserError, which calls it `where`, otherwise."""
    interval = re.fullmatch(r"\s*([^\s,]+?)\.\.([^\s,:]+)(:log)?\s*", text)
    expected = "expected values with commas (3,5,7), or LOW..HIGH, or LOW..HIGH:log"
    try:
        if interval is not None:
            found: Choices | Interval = Range(float(interval[1]), float(interval[2]), log=bool(interval[3]))
            return found
        values = [_plain(part.strip()) for part in text.split(",") if part.strip()]
        chosen: Choices = Choice(*values)
        return chosen
    except ValueError as error:
        raise UserError(f"{where} is '{text}': {error}: {expected}") from None


def _plain(text: str) -> Any:
    """A number where it is one, `true` and `false`, else text."""
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if math.isfinite(value):
            return value
    return {"true": True, "false": False}.get(text, text)
