"""Ticks of logarithmic axes as a person writes them: few, round, and no two with the same text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import Formatter, Locator, MaxNLocator, NullFormatter, NullLocator

from bench.analysis.formatting import trimmed

MOST = {"x": 5, "y": 7}  # ticks that fit without colliding
_STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))  # within a decade, from few to many


def round_values(low: float, high: float, most: int) -> list[float]:
    """From 2 to `most` round numbers between two positive numbers, evenly on a logarithmic scale where they span more.

    Fewer only where the interval has no width.
    """
    if not 0 < low < high:
        return [low]
    best: list[float] = []
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in _STEPS:
        found = [float(f"{step}e{power}") for power in range(first, last + 1) for step in steps]
        inside = [value for value in found if low <= value <= high]
        if len(inside) > most and not best:  # many decades: every second, third, …
            best = inside[:: -(-len(inside) // most)]
        if len(best) < len(inside) <= most:
            best = inside
    if len(best) >= (3 if most > 3 else 2):
        return best
    for wanted in range(most - 1, 0, -1):
        inside = [float(v) for v in MaxNLocator(wanted, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= v <= high]
        if 2 <= len(inside) <= most:
            return inside if len(inside) > len(best) else best
    return best or [low, high]


def texts(values: Sequence[float]) -> list[str]:
    """The values with as few digits, from two on, as tell them apart."""
    for digits in range(2, 9):
        found = [trimmed(value, digits) for value in values]
        if len(set(found)) == len(set(values)):
            break
    return found


class _RoundLocator(Locator):
    """Ticks at `round_values` of what the axis shows."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __call__(self) -> list[float]:
        low, high = sorted(self.axis.get_view_interval())  # type: ignore[union-attr]
        return round_values(low, high, self.most)

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        return round_values(min(vmin, vmax), max(vmin, vmax), self.most)


class _TextFormatter(Formatter):
    def __call__(self, x: float, pos: int | None = None) -> str:
        return trimmed(x)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        return texts(values)


def log_ticks(axis: Any, most: int | None = None) -> None:
    """Give a logarithmic axis round ticks with distinct texts, as many as fit unless a smaller panel has `most`."""
    axis.set_major_locator(_RoundLocator(most or MOST[axis.axis_name]))
    axis.set_major_formatter(_TextFormatter())
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Places on a scale from 0 to 1, moved as little as needed to be `gap` or more apart, in the same order.

    Where they do not fit they are spread evenly.
    """
    if len(places) * gap > 1:
        gap = 1 / len(places)

    def start(group: list[int]) -> float:
        """Where the first of labels that stand side by side is: around their mean, within the scale."""
        length = gap * (len(group) - 1)
        return min(max(sum(places[i] for i in group) / len(group) - length / 2, 0.0), 1 - length)

    groups: list[list[int]] = []
    for i in sorted(range(len(places)), key=lambda i: places[i]):
        groups.append([i])
        while len(groups) > 1 and start(groups[-1]) < start(groups[-2]) + gap * len(groups[-2]) - 1e-12:
            groups[-2:] = [groups[-2] + groups[-1]]
    moved = [0.0] * len(places)
    for group in groups:
        for k, i in enumerate(group):
            moved[i] = start(group) + k * gap
    return moved
